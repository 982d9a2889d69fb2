using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Sampling;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>The configs of a model: those in its folder, or those inferred from its single file.</summary>
internal sealed class ModelConfigs
{
    private readonly string _path;

    // By their paths in a model's folder; null if they are files in a folder.
    private readonly Dictionary<string, byte[]>? _concluded;

    private ModelConfigs(string path, Dictionary<string, byte[]>? concluded)
    {
        _path = path;
        _concluded = concluded;
    }

    /// <summary>The model's <c>model_index.json</c>.</summary>
    /// <exception cref="ModelNotFoundException">It does not exist.</exception>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    public PipelineConfig Pipeline => PipelineConfig.From(Find(PipelineConfig.FileName) ?? ConfigFile.Read(PathOf(PipelineConfig.FileName)));

    /// <summary>The family of the model.</summary>
    /// <exception cref="ModelNotFoundException">There is no index.</exception>
    /// <exception cref="ModelInvalidException">A config is damaged.</exception>
    public ModelFamily Family => ModelFamily.Of(Pipeline, part => Find(part, ModelParts.Config));

    /// <summary>The model's <c>scheduler/scheduler_config.json</c>.</summary>
    /// <exception cref="ModelNotFoundException">It does not exist.</exception>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    public SchedulerConfig Scheduler
    {
        get
        {
            string name = Path.Combine("scheduler", "scheduler_config.json");
            return _concluded is null
                ? SchedulerConfig.Load(PathOf(name))
                : SchedulerConfig.Parse(_concluded[name], $"of '{_path}'");
        }
    }

    /// <summary>Opens a model's configs. Of a single file, only the list of its tensors is read.</summary>
    /// <param name="path">The full path of the model's folder or file.</param>
    /// <returns>The configs.</returns>
    /// <exception cref="ModelInvalidException">The file is damaged, or not a supported model.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public static ModelConfigs Open(string path)
    {
        if (!File.Exists(path))
            return new ModelConfigs(path, concluded: null);

        using ModelContents contents = new CheckpointSource(path, new ImportOptions()).Open();
        Dictionary<string, byte[]> configs = new(StringComparer.Ordinal);
        foreach ((string name, byte[] bytes) in contents.Files)
            configs[name] = bytes;
        foreach (ModelNetwork network in contents.Networks)
            configs[Path.Combine(network.Name, ModelParts.Config)] = network.Config;
        return new ModelConfigs(path, configs);
    }

    /// <summary>One of the configs.</summary>
    /// <param name="name">The segments of its path in a model's folder.</param>
    /// <returns>The config, or null if there is none.</returns>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    public ConfigFile? Find(params string[] name)
    {
        string relative = Path.Combine(name);
        if (_concluded is not null)
            return _concluded.TryGetValue(relative, out byte[]? bytes) ? ConfigFile.Parse(bytes, _path) : null;

        string path = PathOf(relative);
        return File.Exists(path) ? ConfigFile.Read(path) : null;
    }

    private string PathOf(string name)
    {
        string path = Path.Combine(_path, name);
        FolderLinks.Check(_path, path);
        return path;
    }
}
