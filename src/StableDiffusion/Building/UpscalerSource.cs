using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Building;

/// <summary>An upscaler in a file: the weights of one of the ESRGAN family, or the graph of any, which is copied unchanged.</summary>
internal sealed class UpscalerSource : IModelSource
{
    /// <summary>The extension of graphs.</summary>
    public const string GraphEnding = ".onnx";

    /// <summary>The extensions of the files of upscalers.</summary>
    public static readonly string[] Endings = [.. TensorFile.Endings, GraphEnding];

    // The files of weights beside a graph, by their paths from its folder.
    private readonly string[] _graphWeights;

    /// <summary>Finds the files of an upscaler. Of a graph, all but the weights is checked.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <exception cref="ModelNotFoundException">There is no such file, or a graph lacks one with weights.</exception>
    /// <exception cref="ModelInvalidException">The graph is damaged, or asks for something that no image model needs.</exception>
    public UpscalerSource(string path)
    {
        Path = path;
        if (!File.Exists(path))
            throw new ModelNotFoundException($"There is no file '{path}'.");
        IsGraph = System.IO.Path.GetExtension(path).Equals(GraphEnding, StringComparison.OrdinalIgnoreCase);
        _graphWeights = IsGraph ? [.. GraphCheck.Check(path).WeightFiles.Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>Whether it is a graph, which says nothing of itself but its inputs and outputs.</summary>
    public bool IsGraph { get; }

    public string Path { get; }

    public string NamingFile => Path;

    public string Options => $"{ModelParts.Upscaler}{(IsGraph ? " as it is" : string.Empty)}\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public IReadOnlyList<(string Name, string Path)> Inputs => !IsGraph ? [(ModelParts.Upscaler, Path)] :
    [
        (System.IO.Path.Combine(ModelParts.Upscaler, ModelParts.Graph), Path),
        .. _graphWeights.Select(name => name.Replace('/', System.IO.Path.DirectorySeparatorChar))
            .Select(name => (System.IO.Path.Combine(ModelParts.Upscaler, name), System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, name))),
    ];

    public ModelContents Open()
    {
        if (IsGraph)
            return new ModelContents([], [], []) { CopiedFrom = this };

        ITensorFile file = TensorFile.Open(Path);
        try
        {
            CheckpointPart part = UpscalerFile.Read(file);
            return new ModelContents([new ModelNetwork(part.Name, Path, CheckpointPart.ToJson(part.Config), part.Weights)], [], [file]);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
