using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// Makes each group normalization of a graph that <see cref="GraphBuilder"/> wrote, with the SiLU that follows it, one operator
/// of ONNX Runtime's CUDA provider. It takes channels as the last axis, so that the convolutions around it should be computed in that layout too.
/// </summary>
/// <remarks>
/// Wu and He, arXiv 1803.08494. The operator is <c>GroupNorm</c> of ONNX Runtime's ContribOperators.md: it sums in 32 bits,
/// takes its scale and shift in 32 bits, and two channels of a group at a time.
/// </remarks>
internal static class FusedGroupNorm
{
    /// <summary>The operator's name.</summary>
    public const string Operation = "GroupNorm";

    private const string Prefix = "fused/";
    private const int ChannelsAtOnce = 2;

    // [batch, channels, height, width] to [batch, height, width, channels] and back.
    private static readonly long[] s_toLast = [0, 2, 3, 1];
    private static readonly long[] s_toFirst = [0, 3, 1, 2];

    /// <summary>Changes a graph. Its weights stay where they are, in the file beside it.</summary>
    /// <param name="model">A graph that <see cref="GraphFile.IsOwn"/>.</param>
    /// <returns>The number of normalizations that were changed.</returns>
    public static int Apply(ModelProto model)
    {
        int count = new Rewriting(model.Graph).Run();
        if (count > 0 && model.OpsetImport.All(static set => set.Domain != GraphBuilder.MicrosoftDomain))
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = GraphBuilder.MicrosoftDomain, Version = 1 });
        return count;
    }

    /// <summary>Whether the convolutions of a graph compute in half precision.</summary>
    /// <param name="graph">The graph.</param>
    public static bool IsHalf(GraphProto graph)
    {
        HashSet<string> halves = [.. graph.Initializer.Where(static weight => weight.DataType == DataType.Float16).Select(static weight => weight.Name)];
        return graph.Node.Any(node => node.OpType == "Conv" && halves.Contains(node.Input[1]));
    }

    /// <summary>A group normalization as a graph has it.</summary>
    /// <param name="Normalization">The normalization of the groups, from which it is found.</param>
    /// <param name="Input">The feature maps.</param>
    /// <param name="Output">What it makes.</param>
    /// <param name="Last">The last of its nodes.</param>
    /// <param name="Scale">The scale.</param>
    /// <param name="Shift">The shift.</param>
    /// <param name="Groups">The number of groups.</param>
    /// <param name="IsActivated">Whether the SiLU belongs to it.</param>
    private sealed record Found(NodeProto Normalization, string Input, string Output, NodeProto Last, string Scale, string Shift, long Groups, bool IsActivated);

    private sealed class Rewriting(GraphProto graph)
    {
        private readonly GraphLinks _links = new(graph);
        private readonly Dictionary<string, TensorProto> _weights = graph.Initializer.ToDictionary(static weight => weight.Name, StringComparer.Ordinal);
        private readonly string[] _outputs = [.. graph.Output.Select(static output => output.Name)];
        private int _count;

        public int Run()
        {
            Dictionary<NodeProto, Found> found = new(ReferenceEqualityComparer.Instance);
            foreach (NodeProto node in graph.Node.Where(static node => node.OpType == "InstanceNormalization"))
            {
                if (Find(node) is Found norm)
                    found.Add(norm.Last, norm);
            }

            if (found.Count == 0)
                return 0;
            NodeProto[] nodes = [.. graph.Node];
            graph.Node.Clear();
            foreach (NodeProto node in nodes)
            {
                if (found.TryGetValue(node, out Found? norm))
                    Write(norm);
                else
                    graph.Node.Add(node);
            }

            GraphLinks.Prune(graph, _outputs);
            return found.Count;
        }

        /// <summary>Finds the nodes around a normalization that <c>GroupNorm</c> of the networks writes.</summary>
        /// <returns>Null if it is another one, or the operator does not take as many channels in a group.</returns>
        private Found? Find(NodeProto normalization)
        {
            if (_links.Producer(normalization.Input[0], "Reshape") is not NodeProto split || !_weights.TryGetValue(normalization.Input[1], out TensorProto? ones))
                return null;
            long groups = ones.Dims.Single();
            string input = split.Input[0];
            NodeProto? next = _links.OnlyReader(normalization.Output[0]);
            if (next?.OpType == "Cast")
            {
                if (_links.Producer(input, "Cast") is not NodeProto widened)
                    return null;
                input = widened.Input[0];
                next = _links.OnlyReader(next.Output[0]);
            }

            if (next?.OpType != "Reshape" || _links.OnlyReader(next.Output[0]) is not { OpType: "Mul" } scaled || _links.OnlyReader(scaled.Output[0]) is not { OpType: "Add" } shifted)
                return null;
            string scale = scaled.Input[1], shift = shifted.Input[1];
            if (scaled.Input[0] != next.Output[0] || shifted.Input[0] != scaled.Output[0] || Channels(scale) is not long channels || Channels(shift) != channels)
                return null;
            if (channels % (groups * ChannelsAtOnce) != 0)
                return null;
            NodeProto? activated = Activated(shifted.Output[0]);
            NodeProto last = activated ?? shifted;
            return new Found(normalization, input, last.Output[0], last, scale, shift, groups, activated is not null);
        }

        /// <summary>Finds the product of a value and its sigmoid.</summary>
        /// <returns>Null if there is none, or something else reads the value.</returns>
        private NodeProto? Activated(string value)
        {
            NodeProto[] readers = [.. _links.Readers(value)];
            return readers.Length == 2 && !_links.IsOutput(value)
                && Array.Find(readers, static reader => reader.OpType == "Sigmoid") is NodeProto sigmoid
                && _links.OnlyReader(sigmoid.Output[0]) is { OpType: "Mul" } product
                && readers.Contains(product)
                ? product
                : null;
        }

        /// <summary>The number of channels of a scale or shift, [channels, 1, 1], which may be stored in half precision.</summary>
        private long? Channels(string weight)
        {
            string stored = _links.Producer(weight, "Cast")?.Input[0] ?? weight;
            return _weights.TryGetValue(stored, out TensorProto? values) && values.Dims is [long channels, 1, 1] ? channels : null;
        }

        private void Write(Found norm)
        {
            string name = norm.Normalization.Name;
            string last = Add("Transpose", [norm.Input], name, Integers("perm", s_toLast));
            NodeProto fused = new()
            {
                Name = $"{Prefix}{name}",
                OpType = Operation,
                Domain = GraphBuilder.MicrosoftDomain,
                Input = { last, Flat(norm.Scale, name), Flat(norm.Shift, name) },
                Output = { $"{Prefix}{name}" },
                Attribute =
                {
                    norm.Normalization.Attribute.Where(static attribute => attribute.Name == "epsilon"),
                    Integer("groups", norm.Groups),
                    Integer("activation", norm.IsActivated ? 1 : 0),
                    Integer("channels_last", 1),
                },
            };
            graph.Node.Add(fused);
            graph.Node.Add(new NodeProto
            {
                Name = $"{Prefix}{name}/first",
                OpType = "Transpose",
                Input = { fused.Output[0] },
                Output = { norm.Output },
                Attribute = { Integers("perm", s_toFirst) },
            });
        }

        /// <summary>A scale or shift as [channels] in 32 bits. ONNX Runtime computes it once, when it opens the graph.</summary>
        private string Flat(string weight, string name)
        {
            string stored = _links.Producer(weight, "Cast")?.Input[0] ?? weight;
            string flat = Add("Reshape", [stored, All()], name);
            return _weights[stored].DataType == DataType.Float ? flat : Add("Cast", [flat], name, Integer("to", (long)DataType.Float));
        }

        // The length of the only axis is computed from the values.
        private string All()
        {
            const string Name = Prefix + "all";
            if (_weights.ContainsKey(Name))
                return Name;
            long all = -1;
            TensorProto shape = new() { Name = Name, DataType = DataType.Int64, Dims = { 1 }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in all))) };
            graph.Initializer.Add(shape);
            _weights.Add(Name, shape);
            return Name;
        }

        private string Add(string operation, string[] inputs, string name, params AttributeProto[] attributes)
        {
            string made = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{name}/{operation}_{_count++}");
            graph.Node.Add(new NodeProto { Name = made, OpType = operation, Input = { inputs }, Output = { made }, Attribute = { attributes } });
            return made;
        }

        private static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

        private static AttributeProto Integers(string name, long[] values) => new() { Name = name, Type = AttributeType.Ints, Ints = { values } };
    }
}
