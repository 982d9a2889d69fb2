using StableDiffusion.Autoencoding;
using StableDiffusion.Building;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>An autoencoder (VAE) that is used in place of a model's own. Its halves are opened when they are first needed.</summary>
/// <param name="name">Its name, which is its path if it was given as a path.</param>
/// <param name="source">Its files.</param>
/// <param name="traits">What it says of itself.</param>
/// <param name="hasEncoder">Whether it has an encoder.</param>
internal sealed class SeparateVae(string name, VaeSource source, VaeTraits traits, bool hasEncoder) : IDisposable
{
    private readonly List<RentedBuild> _graphs = [];

    public string Name => name;

    public VaeSource Source => source;

    public VaeTraits Traits => traits;

    /// <summary>The encoders by the edges that meet; null for those that are not open.</summary>
    public VaeEncoder?[] Encoders { get; } = new VaeEncoder?[DiffusionModel.Tilings];

    /// <summary>The decoders by the edges that meet; null for those that are not open.</summary>
    public VaeDecoder?[] Decoders { get; } = new VaeDecoder?[DiffusionModel.Tilings];

    /// <summary>Throws if there is no encoder.</summary>
    /// <exception cref="InvalidSettingException">There is none.</exception>
    public void RequireEncoder()
    {
        if (!hasEncoder)
            throw new InvalidSettingException(nameof(GenerationSettings.Vae), $"The VAE '{ModelFilePath.Printable(name)}' has no encoder, so that it can only decode. Put the file of its encoder beside '{source.NamingFile}', or use another VAE for the image to start from.");
    }

    /// <summary>Keeps the folder of a graph in use until this is disposed.</summary>
    /// <param name="graphs">The folder.</param>
    public void Keep(RentedBuild graphs) => _graphs.Add(graphs);

    public void Dispose()
    {
        foreach (IDisposable? half in (IDisposable?[])[.. Encoders, .. Decoders])
            half?.Dispose();
        _graphs.ForEach(static graphs => graphs.Dispose());
    }
}
