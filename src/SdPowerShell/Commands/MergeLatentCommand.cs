using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Merges latents: two into one between them, or several into a walk from one to the next.</summary>
[Cmdlet(VerbsData.Merge, "Latent", DefaultParameterSetName = RatioSet)]
[OutputType(typeof(Latent))]
public sealed class MergeLatentCommand : MergeCmdlet
{
    private readonly List<Latent> _latents = [];

    /// <summary>The latents, denoised to the end or encoded from images.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [AllowNull]
    public object?[]? Latent { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Take(nameof(Latent), Latent, _latents, AdviceFor);

    /// <inheritdoc/>
    protected override void EndProcessing() =>
        MergeAll(_latents, () => WriteMerged(nameof(Latent), _latents, (first, second, ratio) => LatentMerge.Merge(first, second, ratio, ModeOf(StageOperation.MergeLatents))));

    private static string AdviceFor(object? given) => given switch
    {
        TextEmbedding => "Merge-TextEmbedding merges embeddings, and Invoke-Denoise makes a latent from each.",
        DiffusionImage => "ConvertTo-Latent makes a latent of an image.",
        string or FileSystemInfo => "Import-Latent reads the file of a latent, and ConvertTo-Latent makes a latent of an image file.",
        _ => "Give latents from Invoke-Denoise, ConvertTo-Latent or Import-Latent.",
    };
}
