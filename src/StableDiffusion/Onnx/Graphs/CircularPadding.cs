using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// Lets the convolutions of a graph that <see cref="GraphBuilder"/> wrote go around: what they add at an edge is the opposite edge
/// in place of zeros, as torch's <c>padding_mode='circular'</c>. The picture then continues on its other side.
/// </summary>
/// <remarks>
/// Only a convolution that adds as much on both sides is changed. The downsampling of an autoencoder's encoder, which adds zeros
/// on one side alone, stays as it is, as in A1111 and diffusers, where that is not a part of the convolution.
/// </remarks>
internal static class CircularPadding
{
    // Axes of feature maps [batch, channels, height, width].
    private const int RowAxis = 2;
    private const int ColumnAxis = 3;

    /// <summary>Changes a graph. Its weights stay where they are, in the file beside it.</summary>
    /// <param name="graph">A graph that <see cref="GraphFile.IsOwn"/>: the operators of others are not known.</param>
    /// <param name="columns">Whether the left and the right edge meet.</param>
    /// <param name="rows">Whether the top and the bottom edge meet.</param>
    public static void Apply(GraphProto graph, bool columns, bool rows) => new Rewriting(graph).Run(columns, rows);

    private sealed class Rewriting(GraphProto graph)
    {
        private const string Prefix = "circular/";

        private readonly GraphLinks _links = new(graph);
        private readonly Dictionary<long, string> _constants = [];
        private int _count;

        public void Run(bool columns, bool rows)
        {
            Dictionary<NodeProto, (long Columns, long Rows)> borders = new(ReferenceEqualityComparer.Instance);
            foreach (NodeProto node in graph.Node.Where(static node => node.OpType == "Conv"))
            {
                // At the top, left, bottom and right.
                if (node.Attribute.FirstOrDefault(static attribute => attribute.Name == "pads")?.Ints is not { Count: 4 } pads)
                    continue;
                (long Columns, long Rows) border = (columns && pads[1] == pads[3] ? pads[1] : 0, rows && pads[0] == pads[2] ? pads[0] : 0);
                if (border.Columns > 0)
                    pads[1] = pads[3] = 0;
                if (border.Rows > 0)
                    pads[0] = pads[2] = 0;
                if (border is { Columns: > 0 } or { Rows: > 0 })
                    borders.Add(PlaceOf(node), border);
            }

            NodeProto[] nodes = [.. graph.Node];
            graph.Node.Clear();
            foreach (NodeProto node in nodes)
            {
                if (borders.TryGetValue(node, out (long Columns, long Rows) border))
                {
                    string input = node.Input[0];
                    if (border.Columns > 0)
                        input = Wrap(input, ColumnAxis, border.Columns);
                    if (border.Rows > 0)
                        input = Wrap(input, RowAxis, border.Rows);
                    node.Input[0] = input;
                }

                graph.Node.Add(node);
            }
        }

        /// <summary>
        /// The node whose first input is extended: the convolution or, if it computes with integers, what rounds its input, since
        /// ONNX Runtime joins these two.
        /// </summary>
        private NodeProto PlaceOf(NodeProto convolution) =>
            Before(convolution, "DequantizeLinear") is NodeProto exact && Before(exact, "QuantizeLinear") is NodeProto rounded ? rounded : convolution;

        private NodeProto? Before(NodeProto node, string operation) =>
            _links.OnlyReader(node.Input[0]) is null ? null : _links.Producer(node.Input[0], operation);

        /// <summary>Adds the last lines of an axis before the first, and the first after the last.</summary>
        private string Wrap(string value, int axis, long border)
        {
            string last = Slice(value, axis, -border, long.MaxValue), first = Slice(value, axis, 0, border);
            return Add("Concat", [last, value, first], new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = axis });
        }

        private string Slice(string value, int axis, long start, long end) => Add("Slice", [value, Constant(start), Constant(end), Constant(axis)]);

        private string Add(string operation, string[] inputs, AttributeProto? attribute = null)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{operation}_{_count++}");
            NodeProto node = new() { Name = name, OpType = operation, Input = { inputs }, Output = { name } };
            if (attribute is not null)
                node.Attribute.Add(attribute);
            graph.Node.Add(node);
            return name;
        }

        private string Constant(long number)
        {
            if (_constants.TryGetValue(number, out string? known))
                return known;

            string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number}");
            graph.Initializer.Add(new TensorProto
            {
                Name = name,
                DataType = DataType.Int64,
                Dims = { 1 },
                RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in number))),
            });
            _constants.Add(number, name);
            return name;
        }
    }
}
