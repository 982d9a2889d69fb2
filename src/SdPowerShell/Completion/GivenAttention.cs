using System.Collections;
using SdPowerShell.Parameters;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;

namespace SdPowerShell.Completion;

/// <summary>The attention of the latents that a command line names.</summary>
internal static class GivenAttention
{
    /// <summary>Finds it.</summary>
    /// <param name="parameters">The parameters as far as their values are known.</param>
    /// <returns>That of each latent that has one.</returns>
    public static IEnumerable<KeptAttention> Find(IDictionary parameters) => Cell.Unwrap(parameters[nameof(Latent)]) switch
    {
        Latent latent => Of(latent),
        IEnumerable latents => latents.Cast<object?>().SelectMany(static item => Of(Cell.Unwrap(item) as Latent)),
        _ => [],
    };

    private static IEnumerable<KeptAttention> Of(Latent? latent) => latent?.Attention is KeptAttention attention ? [attention] : [];
}
