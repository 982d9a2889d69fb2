using System.Text.Json.Nodes;
using StableDiffusion.Library;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Library;

/// <summary>Base of the tests of a library in an empty folder, with the reference's tiny model as a source.</summary>
public abstract class StoreCase : IDisposable
{
    protected TemporaryFolder Folder { get; } = new();

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected ModelLibrary Library => new(new StorageFolders
    {
        Models = Folder["models"],
        Loras = Folder["loras"],
        Embeddings = Folder["embeddings"],
        ControlNets = Folder["controlnets"],
        Vaes = Folder["vaes"],
        Upscalers = Folder["upscalers"],
        Wildcards = Folder["wildcards"],
        Detectors = Folder["detectors"],
        Cache = Folder["cache"],
        Downloads = Folder["downloads"],
    });

    /// <summary>The names of the contents of imported models.</summary>
    protected string[] Contents => Directory.Exists(Folder["models", ".content"])
        ? [.. Directory.EnumerateFileSystemEntries(Folder["models", ".content"]).Where(path => !FolderLock.IsLock(path)).Select(path => Path.GetFileName(path))]
        : [];

    public virtual void Dispose()
    {
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A copy of the tiny model in the layout of diffusers.</summary>
    protected string CopyTiny(params string[] folder) => Copy(FamilyReference.Find("sd1-diffusers"), Folder[folder]);

    /// <summary>A copy of the tiny model as graphs of another exporter.</summary>
    protected string CopyExport(params string[] folder) => Copy(Repository.Data("exports", "current"), Folder[folder]);

    /// <summary>Changes a key of a config.</summary>
    protected static void SetKey(string path, string key, JsonNode? value)
    {
        JsonNode config = JsonNode.Parse(File.ReadAllBytes(path))!;
        config[key] = value;
        File.WriteAllText(path, config.ToJsonString());
    }

    protected ModelImport Import(string path, string? name = null, bool skipsTest = false) => Library.Import(path, name, skipsTest: skipsTest, cancellationToken: Token);

    private static string Copy(string source, string target)
    {
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return target;
    }
}
