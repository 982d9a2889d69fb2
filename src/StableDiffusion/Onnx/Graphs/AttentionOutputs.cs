using System.Globalization;
using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// Makes the cross-attentions of a U-Net's graph its outputs: the queries and keys of a fused attention, or the probabilities of
/// one in single operators, as other exporters write it. What does not lead to them is left out.
/// </summary>
internal sealed class AttentionOutputs
{
    private const string SampleInput = "sample";
    private const string TextInput = "encoder_hidden_states";

    // diffusers' name of the cross-attention of a transformer block.
    private const string Module = "attn2";

    // The projection of a query is the operator before it, or a few before it where weights are integers.
    private const int FarthestName = 8;

    // Scores are scaled, masked, converted and reshaped before their softmax.
    private const int FarthestProduct = 8;

    /// <summary>The cross-attentions, in the order of the network; empty before <see cref="Apply"/>, or if there are none of a known form.</summary>
    public IReadOnlyList<AttentionLayer> Layers { get; private set; } = [];

    /// <summary>Changes a graph, unless it has no cross-attention of a known form.</summary>
    /// <param name="graph">The graph.</param>
    public void Apply(GraphProto graph)
    {
        Layers = new Search(graph).Find();
        if (Layers.Count == 0)
            return;

        // The graphs inside an operator use values that are not among its inputs.
        bool isNested = graph.Node.Any(static node => node.OpType is "If" or "Loop" or "Scan");
        string[] outputs = [.. Layers.SelectMany(static layer => layer.Values).Distinct(StringComparer.Ordinal)];
        if (!isNested)
            graph.Output.Clear();
        graph.Output.Add(outputs.Except(graph.Output.Select(static output => output.Name), StringComparer.Ordinal).Select(static name => new ValueInfoProto { Name = name }));
        if (!isNested)
            GraphLinks.Prune(graph, outputs);
    }

    private sealed class Search(GraphProto graph)
    {
        private readonly Dictionary<string, NodeProto> _producers = new(StringComparer.Ordinal);
        private readonly HashSet<string> _ofSample = new([SampleInput], StringComparer.Ordinal);
        private readonly HashSet<string> _ofText = new([TextInput], StringComparer.Ordinal);
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);

        public IReadOnlyList<AttentionLayer> Find()
        {
            List<AttentionLayer> layers = [];
            foreach (NodeProto node in graph.Node)
            {
                Follow(node, _ofSample);
                Follow(node, _ofText);
                foreach (string output in node.Output)
                    _producers[output] = node;
                if ((node.OpType == "MultiHeadAttention" ? OfFused(node) : node.OpType == "Softmax" ? OfSoftmax(node) : null) is AttentionLayer layer)
                    layers.Add(layer);
            }

            return layers;
        }

        // Exporters compute scales and sizes from the shapes of values.
        private static void Follow(NodeProto node, HashSet<string> values)
        {
            if (node.OpType is not ("Shape" or "Size") && node.Input.Any(values.Contains))
                values.UnionWith(node.Output);
        }

        private bool IsOfText(string value) => _ofText.Contains(value) && !_ofSample.Contains(value);

        private AttentionLayer? OfFused(NodeProto node)
        {
            // Queries, keys, values; the bias that may follow is added inside, so that the queries are others.
            if (node.Input.Count < 3 || !IsOfText(node.Input[1]) || !_ofSample.Contains(node.Input[0]) || node.Input.Skip(3).Any(static input => input.Length > 0))
                return null;
            long heads = node.Attribute.FirstOrDefault(static attribute => attribute.Name == "num_heads")?.I ?? 0;
            float scale = node.Attribute.FirstOrDefault(static attribute => attribute.Name == "scale")?.F ?? 0;
            return heads is < 1 or > int.MaxValue ? null : new AttentionLayer(NameOf(node))
            {
                Query = node.Input[0],
                Key = node.Input[1],
                Heads = (int)heads,
                Scale = scale == 0 ? null : scale,
            };
        }

        private AttentionLayer? OfSoftmax(NodeProto node)
        {
            // Over the tokens, which are on the last axis.
            if (node.Attribute.FirstOrDefault(static attribute => attribute.Name == "axis") is { I: not (-1 or 2 or 3) })
                return null;
            NodeProto? product = node;
            for (int i = 0; i < FarthestProduct && product is not null && product.OpType != "MatMul"; i++)
                product = product.Input.FirstOrDefault(_ofSample.Contains) is string before ? _producers.GetValueOrDefault(before) : null;
            return product is { OpType: "MatMul", Input: { Count: 2 } factors } && _ofSample.Contains(factors[0]) && IsOfText(factors[1])
                ? new AttentionLayer(NameOf(node)) { Probabilities = node.Output[0] }
                : null;
        }

        /// <summary>The place in the network, which the names of the attention or of the operators before it say; otherwise a number.</summary>
        private string NameOf(NodeProto attention)
        {
            string? place = null;
            NodeProto? node = attention;
            for (int i = 0; i <= FarthestName && place is null && node is not null; i++)
            {
                place = node.Input.Prepend(node.Name).Select(PlaceIn).FirstOrDefault(static found => found is not null);
                node = node.Input.FirstOrDefault(_ofSample.Contains) is string before ? _producers.GetValueOrDefault(before) : null;
            }

            string stem = place ?? "cross_attention", name = stem;
            for (int number = 2; !_names.Add(name); number++)
                name = string.Create(CultureInfo.InvariantCulture, $"{stem}.{number}");
            return name;
        }

        private static string? PlaceIn(string name)
        {
            string dotted = name.Replace('/', '.');
            int end = dotted.IndexOf($".{Module}.", StringComparison.Ordinal);
            if (end < 0)
                return null;
            int start = new[] { "down_blocks", "mid_block", "up_blocks" }.Select(block => dotted.IndexOf(block, StringComparison.Ordinal)).Where(index => index >= 0 && index < end).DefaultIfEmpty(-1).Min();
            return start < 0 ? null : dotted[start..end];
        }
    }
}
