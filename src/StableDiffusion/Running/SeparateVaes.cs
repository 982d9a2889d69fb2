using System.Diagnostics;
using StableDiffusion.Autoencoding;
using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>The autoencoders (VAEs) that are used in place of a model's own. They stay open as long as the model. Thread-safe.</summary>
/// <param name="model">The model.</param>
internal sealed class SeparateVaes(DiffusionModel model) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, SeparateVae> _known = new(StringComparer.Ordinal);

    /// <summary>Finds an autoencoder and checks that it fits the model. Only configs and the headers of files are read.</summary>
    /// <param name="nameOrPath">Its name, if the model was opened with a store of VAEs, or the path of its folder or file.</param>
    /// <returns>The autoencoder; it belongs to the model.</returns>
    /// <exception cref="VaeNotFoundException">It does not exist, or a file of it is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of it is damaged, or is not an autoencoder.</exception>
    /// <exception cref="InvalidSettingException">It is made for other latents than the model's, or has no decoder.</exception>
    public SeparateVae Find(string nameOrPath)
    {
        (string name, string path) = model.LocateVae(nameOrPath);
        _gate.Wait();
        try
        {
            if (!_known.TryGetValue(path, out SeparateVae? vae))
                _known.Add(path, vae = Read(name, path));
            return vae;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The first digits of the SHA-256 of an autoencoder's weights, or of those of the decoder if it has two files.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public string Identify(SeparateVae vae, CancellationToken cancellationToken) => model.Graphs.Identify(vae.Source, cancellationToken);

    /// <summary>The encoder of an autoencoder, opened on first use.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <param name="tiling">The edges that meet.</param>
    /// <returns>The part; it belongs to the model.</returns>
    /// <exception cref="InvalidSettingException">It has no encoder.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged.</exception>
    public VaeEncoder OpenEncoder(SeparateVae vae, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None)
    {
        vae.RequireEncoder();
        return Open(vae, vae.Encoders, ModelParts.VaeEncoder, session => new VaeEncoder(session, Scaling(vae)), progress, cancellationToken, tiling);
    }

    /// <summary>The decoder of an autoencoder, opened on first use.</summary>
    /// <inheritdoc cref="OpenEncoder"/>
    public VaeDecoder OpenDecoder(SeparateVae vae, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) =>
        Open(vae, vae.Decoders, ModelParts.VaeDecoder, session => new VaeDecoder(session, Scaling(vae), vae.Traits.Factor), progress, cancellationToken, tiling);

    public void Dispose()
    {
        foreach (SeparateVae vae in _known.Values)
            vae.Dispose();
        _gate.Dispose();
    }

    private static LatentScaling Scaling(SeparateVae vae) => new(vae.Traits.ScalingFactor);

    private SeparateVae Read(string name, string path)
    {
        try
        {
            VaeSource source = new(path, model.Family);
            using ModelContents contents = source.Open();
            ModelNetwork network = contents.Networks[0];
            VaeTraits traits = VaeTraits.From(network.ReadConfig());
            if (!VaeGraphs.HasDecoder(network))
                throw new InvalidSettingException(nameof(GenerationSettings.Vae), $"The VAE '{ModelFilePath.Printable(name)}' is an encoder alone. Put the file of its decoder beside it, and name that.");
            if (traits.LatentChannels != model.Info.LatentChannels || traits.Factor != model.Info.LatentFactor)
                throw new InvalidSettingException(nameof(GenerationSettings.Vae), $"The VAE '{ModelFilePath.Printable(name)}' is for {Describe(traits.LatentChannels, traits.Factor)}, but the model '{model.Info.Name}' has {Describe(model.Info.LatentChannels, model.Info.LatentFactor)}. Use a VAE of the same family of models.");
            return new SeparateVae(name, source, traits, VaeGraphs.HasEncoder(network));
        }
        catch (ModelNotFoundException error)
        {
            throw Incomplete(name, error);
        }

        static string Describe(int channels, int factor) => $"latents of {channels} channels and a {factor}th of the width and height";
    }

    private T Open<T>(SeparateVae vae, T?[] halves, string part, Func<OnnxSession, T> make, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling)
        where T : class
    {
        _gate.Wait(cancellationToken);
        try
        {
            if (halves[(int)tiling] is T known)
                return known;

            RentedBuild graphs = model.Graphs.Build(vae.Source, vae.Name, progress, cancellationToken);
            try
            {
                long start = Stopwatch.GetTimestamp();
                T made = halves[(int)tiling] = make(model.OpenVae(graphs.Folder, part, progress, cancellationToken, tiling));
                vae.Keep(graphs);
                progress?.Invoke(ProgressReport.Finished("Opening the VAE", vae.Name, Stopwatch.GetElapsedTime(start)));
                return made;
            }
            catch
            {
                graphs.Dispose();
                throw;
            }
        }
        catch (ModelNotFoundException error)
        {
            throw Incomplete(vae.Name, error);
        }
        finally
        {
            _gate.Release();
        }
    }

    private static VaeNotFoundException Incomplete(string name, ModelNotFoundException error) =>
        new($"'{ModelFilePath.Printable(name)}' is not a VAE, or not a complete one. {Sentence.Of(error)} Get all files of the VAE, or give another one.", error);
}
