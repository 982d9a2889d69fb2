using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx.Checks;

namespace StableDiffusion.Building;

/// <summary>A folder of graphs from another exporter. The files that the engine reads are copied unchanged; others are not copied.</summary>
internal sealed class OnnxFolder : IModelSource
{
    // Folders that the builder wrote have several graphs for a part.
    private static readonly string[] s_graphs = [.. new[] { ModelParts.Graph }.Concat(Enumerable.Range(0, DeepFeatures.MostBranches).Select(ModelParts.OuterGraph)).SelectMany(static graph => new[] { graph, ModelParts.FullOf(graph) }), ModelParts.ControlGraph];

    private readonly string[] _files;

    /// <summary>Finds the folder's files, and checks its graphs.</summary>
    /// <param name="path">The folder's full path.</param>
    /// <param name="options">The import options.</param>
    /// <exception cref="InvalidSettingException">An option needs weights instead of graphs.</exception>
    /// <exception cref="ModelNotFoundException">A file that a graph needs is missing.</exception>
    /// <exception cref="ModelInvalidException">A graph is damaged, or asks for something that no part of a model needs; or a file is a link that leads out of the folder.</exception>
    public OnnxFolder(string path, ImportOptions options)
    {
        if (options.Precision != ModelPrecision.Full || options.Vae is not null || options.PredictionType is not null)
            throw new InvalidSettingException(nameof(options.Precision), $"'{path}' contains graphs, which are copied unchanged: precision, VAE and prediction type cannot be changed. Import the model's weights instead.");

        Path = path;
        _files = [.. FindFiles().Distinct().Select(FullPath).Order(StringComparer.Ordinal)];
    }

    public string Path { get; }

    public string Options => "as it is\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public string NamingFile => FindBackbone(Path)!;

    public IReadOnlyList<(string Name, string Path)> Inputs => [.. _files.Select(file => (System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'), file))];

    public ModelContents Open() => new([], [], []) { CopiedFrom = this };

    /// <summary>Finds the graph of the backbone in a model's folder.</summary>
    /// <param name="path">The folder's full path.</param>
    /// <returns>Its full path; null if the folder does not contain graphs.</returns>
    public static string? FindBackbone(string path) =>
        ModelFamily.AllBackbones.Select(name => System.IO.Path.Combine(path, name, ModelParts.Graph)).FirstOrDefault(File.Exists);

    private string FullPath(string name) => System.IO.Path.Combine(Path, name);

    private IEnumerable<string> FindFiles()
    {
        CopiedFiles copied = new(Path);
        foreach (string name in copied.Common(ModelFamily.AllEncoderSuffixes.Select(static suffix => ModelParts.Tokenizer + suffix)))
            yield return name;

        string[] parts = [.. ModelFamily.AllEncoderSuffixes.Select(static suffix => ModelParts.TextEncoder + suffix), .. ModelFamily.AllBackbones, ModelParts.VaeDecoder, ModelParts.VaeEncoder];
        foreach (string name in copied.Existing(parts.Append(ModelParts.Vae).Select(static part => System.IO.Path.Combine(part, ModelParts.Config))))
            yield return name;

        // The graphs are checked again when they are opened; here it is before anything is copied.
        foreach (string name in copied.Existing(parts.SelectMany(static part => s_graphs.Select(graph => System.IO.Path.Combine(part, graph)))))
        {
            yield return name;
            foreach (string weights in GraphCheck.Check(FullPath(name)).WeightFiles)
                yield return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(name)!, weights.Replace('/', System.IO.Path.DirectorySeparatorChar));
        }
    }
}
