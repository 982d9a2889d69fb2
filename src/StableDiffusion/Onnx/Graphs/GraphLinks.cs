using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>What makes and what reads each value of a graph, as it is when this object is made.</summary>
/// <param name="graph">The graph.</param>
internal sealed class GraphLinks(GraphProto graph)
{
    private readonly Dictionary<string, NodeProto> _producers = graph.Node
        .SelectMany(static node => node.Output.Select(output => (output, node)))
        .ToDictionary(static item => item.output, static item => item.node, StringComparer.Ordinal);

    private readonly ILookup<string, NodeProto> _readers = graph.Node
        .SelectMany(static node => node.Input.Distinct(StringComparer.Ordinal).Select(input => (input, node)))
        .ToLookup(static item => item.input, static item => item.node, StringComparer.Ordinal);

    private readonly HashSet<string> _outputs = [.. graph.Output.Select(static output => output.Name)];

    /// <summary>Finds the node that makes a value.</summary>
    /// <param name="value">The name of the value.</param>
    /// <param name="operation">The operator that the node must have.</param>
    /// <returns>The node; null if another one makes it, or none.</returns>
    public NodeProto? Producer(string value, string operation) => _producers.GetValueOrDefault(value) is NodeProto node && node.OpType == operation ? node : null;

    /// <summary>The nodes that read a value.</summary>
    /// <param name="value">The name of the value.</param>
    public IEnumerable<NodeProto> Readers(string value) => _readers[value];

    /// <summary>Finds the only node that reads a value.</summary>
    /// <param name="value">The name of the value.</param>
    /// <returns>The node; null if there are others, or the value is an output of the graph.</returns>
    public NodeProto? OnlyReader(string value) => !_outputs.Contains(value) && _readers[value].Take(2).ToArray() is [NodeProto only] ? only : null;

    /// <summary>Whether the graph returns a value.</summary>
    /// <param name="value">The name of the value.</param>
    public bool IsOutput(string value) => _outputs.Contains(value);

    /// <summary>Removes the nodes and the weights that lead to none of some values.</summary>
    /// <param name="graph">The graph, whose nodes are in the order of the data flow.</param>
    /// <param name="values">The names of the values.</param>
    public static void Prune(GraphProto graph, IEnumerable<string> values)
    {
        HashSet<string> needed = new(values, StringComparer.Ordinal);
        List<NodeProto> nodes = [];
        foreach (NodeProto node in graph.Node.Reverse())
        {
            if (!node.Output.Any(needed.Contains))
                continue;
            nodes.Add(node);
            needed.UnionWith(node.Input);
        }

        nodes.Reverse();
        graph.Node.Clear();
        graph.Node.Add(nodes);
        TensorProto[] weights = [.. graph.Initializer.Where(weight => needed.Contains(weight.Name))];
        graph.Initializer.Clear();
        graph.Initializer.Add(weights);
    }
}
