namespace StableDiffusion.Storage;

/// <summary>Where the current user's models and the graphs that were built from models lie.</summary>
public static class StorageFolders
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

    private const string ProductFolder = "StableDiffusion";

    /// <summary>The user's models, a folder each.</summary>
    public static string Models => FromVariable(ModelsVariable)
        ?? Path.Combine(LocalData(Environment.SpecialFolder.LocalApplicationData), ProductFolder, "models");

    /// <summary>The user's LoRAs, files in it or in its subfolders; without a variable of its own the folder lies beside <see cref="Models"/>.</summary>
    public static string Loras => FromVariable(LorasVariable) ?? BesideModels("loras");

    /// <summary>The user's textual inversion embeddings, files in it or in its subfolders; beside <see cref="Models"/> likewise.</summary>
    public static string Embeddings => FromVariable(EmbeddingsVariable) ?? BesideModels("embeddings");

    /// <summary>The user's ControlNets, a folder or a file each; beside <see cref="Models"/> likewise.</summary>
    public static string ControlNets => FromVariable(ControlNetsVariable) ?? BesideModels("controlnets");

    /// <summary>The graphs that were built from models; all of it can be deleted at any time and is made again.</summary>
    public static string Cache => Path.Combine(CacheFolder, "graphs");

    /// <summary>What was fetched of models that are not whole yet; deleting it costs only the time to fetch it again.</summary>
    public static string Downloads => Path.Combine(CacheFolder, "downloads");

    private static string BesideModels(string name)
    {
        // Nothing is beside the root of a drive.
        string models = Path.TrimEndingDirectorySeparator(Models);
        return Path.Combine(Path.GetDirectoryName(models) ?? models, name);
    }

    private static string CacheFolder => FromVariable(CacheVariable) ?? Path.Combine(CacheRoot(), ProductFolder);

    /// <summary>The user's cache folder after each system's own custom; .NET names only the data folder.</summary>
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
