namespace StableDiffusion.Storage;

/// <summary>The folders of the current user's models and of the graphs built from them.</summary>
public static class StorageFolders
{
    /// <summary>The environment variable that names another folder for models.</summary>
    public const string ModelsVariable = "STABLEDIFFUSION_MODELS";

    /// <summary>The environment variable that names another cache folder; it has the subfolder <c>graphs</c>, and <c>downloads</c> for unfinished downloads.</summary>
    public const string CacheVariable = "STABLEDIFFUSION_CACHE";

    /// <summary>The environment variable that names another folder for LoRAs.</summary>
    public const string LorasVariable = "STABLEDIFFUSION_LORAS";

    /// <summary>The environment variable that names another folder for textual inversion embeddings.</summary>
    public const string EmbeddingsVariable = "STABLEDIFFUSION_EMBEDDINGS";

    /// <summary>The environment variable that names another folder for ControlNets.</summary>
    public const string ControlNetsVariable = "STABLEDIFFUSION_CONTROLNETS";

    private const string ProductFolder = "StableDiffusion";

    /// <summary>The user's models, one folder each.</summary>
    public static string Models => FromVariable(ModelsVariable)
        ?? Path.Combine(LocalData(Environment.SpecialFolder.LocalApplicationData), ProductFolder, "models");

    /// <summary>The user's LoRAs, in the folder or its subfolders. By default, the folder is beside <see cref="Models"/>.</summary>
    public static string Loras => FromVariable(LorasVariable) ?? BesideModels("loras");

    /// <summary>The user's textual inversion embeddings, in the folder or its subfolders. By default, the folder is beside <see cref="Models"/>.</summary>
    public static string Embeddings => FromVariable(EmbeddingsVariable) ?? BesideModels("embeddings");

    /// <summary>The user's ControlNets, one folder or file each. By default, the folder is beside <see cref="Models"/>.</summary>
    public static string ControlNets => FromVariable(ControlNetsVariable) ?? BesideModels("controlnets");

    /// <summary>The graphs that were built from models. They can be deleted at any time and are built again.</summary>
    public static string Cache => Path.Combine(CacheFolder, "graphs");

    /// <summary>The files of unfinished downloads. They can be deleted at any time and are downloaded again.</summary>
    public static string Downloads => Path.Combine(CacheFolder, "downloads");

    private static string BesideModels(string name)
    {
        // The root of a drive has no sibling folders.
        string models = Path.TrimEndingDirectorySeparator(Models);
        return Path.Combine(Path.GetDirectoryName(models) ?? models, name);
    }

    private static string CacheFolder => FromVariable(CacheVariable) ?? Path.Combine(CacheRoot(), ProductFolder);

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
        // Service accounts may not have a home folder.
        string path = Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);
        return path.Length > 0 ? path : Path.GetTempPath();
    }

    private static string? FromVariable(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrWhiteSpace(value) ? null : Path.GetFullPath(value);
    }
}
