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

    /// <summary>The encoder; null if it is not open.</summary>
    public VaeEncoder? Encoder { get; private set; }

    /// <summary>The decoder; null if it is not open.</summary>
    public VaeDecoder? Decoder { get; private set; }

    /// <summary>Throws if there is no encoder.</summary>
    /// <exception cref="InvalidSettingException">There is none.</exception>
    public void RequireEncoder()
    {
        if (!hasEncoder)
            throw new InvalidSettingException(nameof(GenerationSettings.Vae), $"The VAE '{ModelFilePath.Printable(name)}' has no encoder, so that it can only decode. Put the file of its encoder beside '{source.NamingFile}', or use another VAE for the image to start from.");
    }

    /// <summary>Keeps the encoder.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="graphs">The folder of its graph, which is in use until this is disposed.</param>
    public VaeEncoder Keep(VaeEncoder encoder, RentedBuild graphs)
    {
        _graphs.Add(graphs);
        return Encoder = encoder;
    }

    /// <summary>Keeps the decoder.</summary>
    /// <param name="decoder">The decoder.</param>
    /// <param name="graphs">The folder of its graph, which is in use until this is disposed.</param>
    public VaeDecoder Keep(VaeDecoder decoder, RentedBuild graphs)
    {
        _graphs.Add(graphs);
        return Decoder = decoder;
    }

    public void Dispose()
    {
        Encoder?.Dispose();
        Decoder?.Dispose();
        _graphs.ForEach(static graphs => graphs.Dispose());
    }
}
