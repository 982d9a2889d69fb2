using System.Text.Json.Nodes;
using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>
/// An autoencoder (VAE) by itself: a diffusers folder with its config and weights, or the file of weights of one; a single file
/// in any other layout; or the two files of an original TAESD, <c>NAME_encoder</c> and <c>NAME_decoder</c> in one folder. It may be a full or a tiny one.
/// </summary>
internal sealed class VaeSource : IModelSource
{
    /// <summary>How the name of the file of a decoder ends, before its extension.</summary>
    public const string DecoderEnding = "_decoder";

    /// <summary>How the name of the file of an encoder ends, before its extension.</summary>
    public const string EncoderEnding = "_encoder";

    private readonly ModelFamily _family;
    private readonly string? _config;

    // The file of the weights, or of the index of a folder; then that of the other half, if it has one of its own.
    private readonly string[] _weights;

    /// <summary>Finds the files of an autoencoder.</summary>
    /// <param name="path">The full path of the folder, of the file, or of one of the two files.</param>
    /// <param name="family">The family of the model that uses it, which determines how the latents of a full one without a config are scaled.</param>
    /// <exception cref="ModelNotFoundException">The folder has no config or no weights.</exception>
    /// <exception cref="ModelInvalidException">A file of the folder is a link that leads out of it.</exception>
    public VaeSource(string path, ModelFamily family)
    {
        Path = path;
        _family = family;
        if (!Directory.Exists(path))
        {
            _config = FolderWeights.ConfigBeside(path);
            _weights = _config is null ? Halves(path) : [path];
            return;
        }

        _config = System.IO.Path.Combine(path, ModelParts.Config);
        FolderLinks.Check(path, _config);
        if (!File.Exists(_config))
            throw new ModelNotFoundException($"There is no file '{_config}'.");
        _weights = [FolderWeights.Find(path, string.Empty, FolderWeights.OtherStem)];
    }

    public string Path { get; }

    public string NamingFile => _weights[0];

    public string Options => $"{ModelParts.Vae} {_family.Name}\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public IReadOnlyList<(string Name, string Path)> Inputs =>
    [
        .. _config is null ? [] : ((string, string)[])[(ModelParts.Config, _config)],
        .. _config is null ? _weights.Select(static (file, i) => ($"{ModelParts.Vae} {i}", file)) : FolderWeights.Files(_weights[0]).Select(static file => (System.IO.Path.GetFileName(file), file)),
    ];

    public ModelContents Open()
    {
        List<IDisposable> opened = [];
        try
        {
            return new ModelContents([OpenNetwork(opened)], [], opened);
        }
        catch
        {
            opened.ForEach(static file => file.Dispose());
            throw;
        }
    }

    private ModelNetwork OpenNetwork(List<IDisposable> opened)
    {
        if (_config is not null)
        {
            (IWeights weights, IDisposable folder) = FolderWeights.Open(_weights[0]);
            opened.Add(folder);
            return new ModelNetwork(ModelParts.Vae, _config, ConfigFile.ReadBytes(_config), weights);
        }

        List<ITensorFile> files = [];
        foreach (string path in _weights)
        {
            files.Add(TensorFile.Open(path));
            opened.Add(files[^1]);
        }

        if (!TinyVaeFile.Recognise(files[0]))
        {
            CheckpointPart full = Checkpoint.OpenVae(files[0], _family);
            return new ModelNetwork(full.Name, Path, CheckpointPart.ToJson(full.Config), full.Weights);
        }

        (IWeights tiny, JsonObject config) = TinyVaeFile.Read(files);
        return new ModelNetwork(ModelParts.Vae, Path, CheckpointPart.ToJson(config), tiny);
    }

    /// <summary>The file with the decoder and, if there are two, the one with the encoder.</summary>
    private static string[] Halves(string path)
    {
        string stem = System.IO.Path.GetFileNameWithoutExtension(path);
        foreach ((string own, string other) in ((string, string)[])[(DecoderEnding, EncoderEnding), (EncoderEnding, DecoderEnding)])
        {
            string sibling = stem.EndsWith(own, StringComparison.OrdinalIgnoreCase)
                ? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, stem[..^own.Length] + other + System.IO.Path.GetExtension(path))
                : path;
            if (sibling != path && File.Exists(sibling))
                return own == DecoderEnding ? [path, sibling] : [sibling, path];
        }

        return [path];
    }
}
