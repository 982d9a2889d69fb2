using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>A folder of graphs from another exporter. Its files are copied unchanged.</summary>
internal sealed class OnnxFolder : IModelSource
{
    private const int MostFiles = 10_000;

    private readonly string[] _files;

    /// <summary>Finds the folder's files.</summary>
    /// <param name="path">The folder's full path.</param>
    /// <param name="options">The import options.</param>
    /// <exception cref="InvalidSettingException">An option needs weights instead of graphs.</exception>
    public OnnxFolder(string path, ImportOptions options)
    {
        if (options.Precision != ModelPrecision.Full || options.Vae is not null || options.PredictionType is not null)
            throw new InvalidSettingException(nameof(options.Precision), $"'{path}' contains graphs, which are copied unchanged: precision, VAE and prediction type cannot be changed. Import the model's weights instead.");

        Path = path;
        _files = [.. FolderFiles.Enumerate(path).Where(IsOfModel).Take(MostFiles + 1).Order(StringComparer.Ordinal)];
        if (_files.Length > MostFiles)
            throw new ModelInvalidException($"The folder '{path}' is not that of a model: it has more than {MostFiles} files. Give the folder that holds only the model.");
    }

    public string Path { get; }

    public string Options => "as it is\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public string NamingFile => FindBackbone(Path)!;

    public IReadOnlyList<(string Name, string Path)> Inputs => [.. _files.Select(file => (System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'), file))];

    /// <exception cref="ModelNotFoundException">A file that a graph needs is missing.</exception>
    /// <exception cref="ModelInvalidException">A graph is damaged, or asks for something that no part of a model needs.</exception>
    public ModelContents Open()
    {
        // They are checked again when they are opened; here it is before anything is copied, such as what a link leads to.
        foreach (string graph in _files.Where(static file => file.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)))
            GraphCheck.Check(graph);
        return new ModelContents([], [], []) { CopiedFrom = this };
    }

    /// <summary>Finds the graph of the backbone in a model's folder.</summary>
    /// <param name="path">The folder's full path.</param>
    /// <returns>Its full path; null if the folder does not contain graphs.</returns>
    public static string? FindBackbone(string path) =>
        ModelFamily.AllBackbones.Select(name => System.IO.Path.Combine(path, name, ModelParts.Graph)).FirstOrDefault(File.Exists);

    // A copy has manifests of its own.
    private bool IsOfModel(string file) => System.IO.Path.GetRelativePath(Path, file) is not (ModelManifest.FileName or BuildCache.ManifestName);
}
