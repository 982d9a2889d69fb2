using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Text;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>
/// The files of a model in diffusers' layout. All required files
/// exist when an instance is created.
/// </summary>
internal sealed class DiffusersFolder : IModelSource
{
    private readonly List<string> _commonFiles;
    private readonly List<(string Network, string Config, string Weights)> _networks = [];

    private DiffusersFolder(string root, ModelFamily family, ModelPrecision precision)
    {
        Path = root;
        Precision = precision;
        foreach (string suffix in family.EncoderSuffixes)
        {
            if (Directory.Exists(FullPath(ModelParts.TextEncoder + suffix)))
                AddNetwork(ModelParts.TextEncoder + suffix, FolderWeights.TextEncoderStem);
        }

        if (_networks.Count == 0)
            throw new ModelNotFoundException($"There is no folder '{FullPath(ModelParts.TextEncoder)}', which a model needs.");
        AddNetwork(family.Backbone, FolderWeights.OtherStem);
        NamingFile = _networks[^1].Weights;
        AddNetwork(ModelParts.Vae, FolderWeights.OtherStem);
        _commonFiles = FindCommonFiles(family);
    }

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    public string NamingFile { get; }

    public string Options => $"precision {Precision}\n";

    public ModelPrecision Precision { get; }

    public IReadOnlyList<(string Name, string Path)> Inputs =>
    [
        .. _commonFiles.Select(FullPath)
            .Concat(_networks.SelectMany(network => (string[])[network.Config, .. FolderWeights.Files(network.Weights)]))
            .Select(file => (System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'), file)),
    ];

    /// <summary>Finds a model's files.</summary>
    /// <param name="path">The folder with the <c>model_index.json</c>.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="ModelNotFoundException">The folder or a required file is missing.</exception>
    /// <exception cref="ModelInvalidException">The kind of model is not supported, or a file is a link that leads out of the folder.</exception>
    public static DiffusersFolder Find(string path) => Find(path, new ImportOptions());

    /// <summary>Finds a model's files.</summary>
    /// <param name="path">The folder with the <c>model_index.json</c>.</param>
    /// <param name="options">The import options; those for reading apply only to single files.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="ModelNotFoundException">The folder or a required file is missing.</exception>
    /// <exception cref="ModelInvalidException">The kind of model is not supported, or a file is a link that leads out of the folder.</exception>
    /// <exception cref="InvalidSettingException">An option is for single files only.</exception>
    public static DiffusersFolder Find(string path, ImportOptions options)
    {
        if (options.Vae is not null)
            throw new InvalidSettingException(nameof(options.Vae), $"'{path}' is a diffusers folder and has its VAE in the subfolder 'vae'. Put the other VAE there, or import a single file.");
        if (options.PredictionType is not null)
            throw new InvalidSettingException(nameof(options.PredictionType), $"'{path}' is a diffusers folder, whose scheduler/scheduler_config.json specifies the prediction type. Change it there.");

        string root = System.IO.Path.GetFullPath(path);
        string index = System.IO.Path.Combine(root, PipelineConfig.FileName);
        if (!File.Exists(index))
            throw new ModelNotFoundException($"'{root}' is not a model folder: there is no '{PipelineConfig.FileName}' in it.");

        FolderLinks.Check(root, index);
        ConfigFile.Read(index).RequireText("_class_name", [.. ModelFamily.All.SelectMany(static family => family.PipelineClasses)]);
        return new DiffusersFolder(root, ModelConfigs.Open(root).Family, options.Precision);
    }

    public ModelContents Open()
    {
        List<IDisposable> opened = [];
        try
        {
            List<ModelNetwork> networks = [];
            foreach ((string network, string config, string weights) in _networks)
            {
                (IWeights networkWeights, IDisposable file) = FolderWeights.Open(weights);
                opened.Add(file);
                networks.Add(new ModelNetwork(network, config, ConfigFile.ReadBytes(config), networkWeights));
            }

            return new ModelContents(networks, [.. _commonFiles.Select(file => (file, ModelJson.ReadBytes(FullPath(file), ModelBuilder.LimitOf(file) ?? ModelJson.MaxLength)))], opened);
        }
        catch
        {
            opened.ForEach(file => file.Dispose());
            throw;
        }
    }

    private string FullPath(string relativePath) => System.IO.Path.Combine(Path, relativePath);

    private void AddNetwork(string network, string stem)
    {
        string config = FullPath(System.IO.Path.Combine(network, ModelParts.Config));
        FolderLinks.Check(Path, config);
        _networks.Add((network, config, FolderWeights.Find(Path, network, stem)));
    }

    private List<string> FindCommonFiles(ModelFamily family)
    {
        string[] tokenizers = [.. family.EncoderSuffixes
            .Where(suffix => _networks.Exists(network => network.Network == ModelParts.TextEncoder + suffix))
            .Select(static suffix => ModelParts.Tokenizer + suffix)];
        foreach (string folder in tokenizers.Select(FullPath))
        {
            if (!ClipTokenizerFiles.HasVocabulary(folder))
                throw new ModelNotFoundException($"There is no 'vocab.json' with a 'merges.txt' in '{folder}', nor a 'tokenizer.json', which a model needs.");
        }

        foreach (string path in (string[])[FullPath(CopiedFiles.Scheduler), .. _networks.Select(static network => network.Config)])
        {
            if (!File.Exists(path))
                throw new ModelNotFoundException($"There is no file '{path}', which a model needs.");
        }

        return [.. new CopiedFiles(Path).Common(tokenizers)];
    }
}
