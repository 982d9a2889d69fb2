namespace StableDiffusion.Storage;

/// <summary>The full paths of the folders of models, of adapters, and of what was built or downloaded.</summary>
public sealed record StorageFolders
{
    /// <summary>The environment variable that names another folder for models.</summary>
    public const string ModelsVariable = "STABLEDIFFUSION_MODELS";

    /// <summary>The environment variable that names another folder for what can be made again; graphs lie in its subfolder <c>graphs</c>, unfinished downloads in <c>downloads</c>.</summary>
    public const string CacheVariable = "STABLEDIFFUSION_CACHE";

    /// <summary>The environment variable that names another folder for LoRAs.</summary>
    public const string LorasVariable = "STABLEDIFFUSION_LORAS";

    /// <summary>The environment variable that names another folder for textual inversion embeddings.</summary>
    public const string EmbeddingsVariable = "STABLEDIFFUSION_EMBEDDINGS";

    /// <summary>The environment variable that names another folder for ControlNets.</summary>
    public const string ControlNetsVariable = "STABLEDIFFUSION_CONTROLNETS";

    /// <summary>The environment variable that names another folder for autoencoders (VAEs).</summary>
    public const string VaesVariable = "STABLEDIFFUSION_VAES";

    /// <summary>The environment variable that names another folder for upscalers.</summary>
    public const string UpscalersVariable = "STABLEDIFFUSION_UPSCALERS";

    /// <summary>The environment variable that names another folder for the lists of wildcards.</summary>
    public const string WildcardsVariable = "STABLEDIFFUSION_WILDCARDS";

    /// <summary>The environment variable that names another folder for detectors.</summary>
    public const string DetectorsVariable = "STABLEDIFFUSION_DETECTORS";

    private const string ProductFolder = "StableDiffusion";

    /// <summary>The models, a folder each, and those that were imported.</summary>
    public required string Models { get; init; }

    /// <summary>The LoRAs, files in it or in its subfolders.</summary>
    public required string Loras { get; init; }

    /// <summary>The textual inversion embeddings, files in it or in its subfolders.</summary>
    public required string Embeddings { get; init; }

    /// <summary>The ControlNets, a folder or a file each.</summary>
    public required string ControlNets { get; init; }

    /// <summary>The autoencoders (VAEs) that can be used in place of a model's own, a folder or a file each.</summary>
    public required string Vaes { get; init; }

    /// <summary>The upscalers, a file each.</summary>
    public required string Upscalers { get; init; }

    /// <summary>The lists of wildcards for templates of prompts, files in it or in its subfolders.</summary>
    public required string Wildcards { get; init; }

    /// <summary>The detectors, a file each.</summary>
    public required string Detectors { get; init; }

    /// <summary>The graphs that were built from models. All of it can be deleted at any time, and is made again.</summary>
    public required string Cache { get; init; }

    /// <summary>The files of incomplete downloads. All of it can be deleted at any time, and is downloaded again.</summary>
    public required string Downloads { get; init; }

    /// <summary>The folders of the current user, or those that the environment variables name at the moment.</summary>
    /// <returns>The folders. Without variables of their own, those of adapters, ControlNets, VAEs, upscalers, detectors and wildcards are beside the one of models.</returns>
    public static StorageFolders FromEnvironment()
    {
        string models = FromVariable(ModelsVariable) ?? Path.Combine(LocalData(Environment.SpecialFolder.LocalApplicationData), ProductFolder, "models");
        string cache = FromVariable(CacheVariable) ?? Path.Combine(CacheRoot(), ProductFolder);
        return new StorageFolders
        {
            Models = models,
            Loras = FromVariable(LorasVariable) ?? Beside(models, "loras"),
            Embeddings = FromVariable(EmbeddingsVariable) ?? Beside(models, "embeddings"),
            ControlNets = FromVariable(ControlNetsVariable) ?? Beside(models, "controlnets"),
            Vaes = FromVariable(VaesVariable) ?? Beside(models, "vaes"),
            Upscalers = FromVariable(UpscalersVariable) ?? Beside(models, "upscalers"),
            Wildcards = FromVariable(WildcardsVariable) ?? Beside(models, "wildcards"),
            Detectors = FromVariable(DetectorsVariable) ?? Beside(models, "detectors"),
            Cache = Path.Combine(cache, "graphs"),
            Downloads = Path.Combine(cache, "downloads"),
        };
    }

    private static string Beside(string folder, string name)
    {
        // The root of a drive has no sibling folders.
        string trimmed = Path.TrimEndingDirectorySeparator(folder);
        return Path.Combine(Path.GetDirectoryName(trimmed) ?? trimmed, name);
    }

    /// <summary>The user's cache folder by the convention of each system; .NET knows only the data folder.</summary>
    private static string CacheRoot()
    {
        if (OperatingSystem.IsLinux())
            return FromVariable("XDG_CACHE_HOME") ?? Path.Combine(LocalData(Environment.SpecialFolder.UserProfile), ".cache");
        if (OperatingSystem.IsMacOS())
            return Path.Combine(LocalData(Environment.SpecialFolder.UserProfile), "Library", "Caches");
        return LocalData(Environment.SpecialFolder.LocalApplicationData);
    }

    private static string LocalData(Environment.SpecialFolder folder)
    {
        // Service accounts may have no home at all.
        string path = Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);
        return path.Length > 0 ? path : Path.GetTempPath();
    }

    private static string? FromVariable(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrWhiteSpace(value) ? null : Path.GetFullPath(value);
    }
}
