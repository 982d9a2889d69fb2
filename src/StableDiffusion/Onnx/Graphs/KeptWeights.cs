using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>Finds out whether ONNX Runtime's optimized form of a graph can take other weights. Where it made a new weight of one, as it does for convolutions, the new one would stay.</summary>
internal static class KeptWeights
{
    /// <summary>Whether the optimized graph has these weights with their names, shapes and types, and no operator less reads them.</summary>
    /// <param name="graph">The full path of the graph.</param>
    /// <param name="optimized">The full path of the optimized graph.</param>
    /// <param name="names">The names of initializers of the graph.</param>
    /// <exception cref="ModelInvalidException">A file cannot be read.</exception>
    public static bool AreIn(string graph, string optimized, IReadOnlySet<string> names)
    {
        Dictionary<string, Use> before = Uses(graph, names), after = Uses(optimized, names);
        return names.All(name => before.TryGetValue(name, out Use? use) && after.TryGetValue(name, out Use? kept) && use == kept);
    }

    private static Dictionary<string, Use> Uses(string path, IReadOnlySet<string> names)
    {
        GraphProto graph = GraphFile.Read(path).Graph;
        Dictionary<string, int> readers = graph.Node.SelectMany(static node => node.Input).Where(names.Contains).CountBy(static name => name).ToDictionary(StringComparer.Ordinal);
        return graph.Initializer.Where(tensor => names.Contains(tensor.Name)).ToDictionary(
            static tensor => tensor.Name,
            tensor => new Use(tensor.DataType, string.Join(',', tensor.Dims), readers.GetValueOrDefault(tensor.Name)),
            StringComparer.Ordinal);
    }

    private sealed record Use(DataType Type, string Shape, int Readers);
}
