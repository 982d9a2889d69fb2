using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// Adds the weights of the cross-attention as outputs to a U-Net's graph that <see cref="GraphBuilder"/> wrote:
/// softmax(q·kᵀ / √d), of which the fused operator keeps nothing. That operator stays, and makes what it made before.
/// </summary>
internal static class AttentionOutputs
{
    /// <summary>What the names of the outputs begin with; the name of the layer follows.</summary>
    public const string Prefix = "attention/";

    private const string Text = "encoder_hidden_states";
    private const string KeyLayer = ".attn2.to_k";

    /// <summary>Changes a graph.</summary>
    /// <param name="graph">The graph, as a file contains it.</param>
    /// <returns>The changed graph; each output is [batch, heads, pixels, tokens] in 32-bit floats.</returns>
    public static byte[] Apply(byte[] graph)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(graph);
        new Rewriting(model.Graph).Run();
        return model.ToByteArray();
    }

    private sealed class Rewriting(GraphProto graph)
    {
        private readonly Dictionary<string, NodeProto> _producers = graph.Node.SelectMany(static node => node.Output.Select(output => (output, node))).ToDictionary(static item => item.output, static item => item.node, StringComparer.Ordinal);
        private int _count;

        public void Run()
        {
            foreach (NodeProto node in graph.Node.Where(static node => node.OpType == "MultiHeadAttention").ToArray())
            {
                if (node.Input.Count > 2 && FindLayer(node.Input[1]) is string layer && node.Attribute.FirstOrDefault(static attribute => attribute.Name == "num_heads")?.I is long heads)
                    AddOutput(Prefix + layer, node.Input[0], node.Input[1], heads);
            }
        }

        /// <summary>The layer whose keys a value is, if they are those of the text.</summary>
        private string? FindLayer(string key)
        {
            string? layer = null;
            string value = key;
            while (_producers.TryGetValue(value, out NodeProto? producer))
            {
                foreach (string input in producer.Input)
                {
                    int end = input.IndexOf(KeyLayer, StringComparison.Ordinal);
                    layer ??= end < 0 ? null : input[..end];
                }

                value = producer.Input[0];
            }

            return value == Text ? layer : null;
        }

        private void AddOutput(string name, string query, string key, long heads)
        {
            string shape = Integers(0, 0, heads, -1);
            string queries = Add("Reshape", [Float(query), shape]), keys = Add("Reshape", [Float(key), shape]);
            string width = Float(Add("Shape", [queries], null, Whole("start", 3), Whole("end", 4)));
            string products = Add("MatMul", [Add("Transpose", [queries], null, Order(0, 2, 1, 3)), Add("Transpose", [keys], null, Order(0, 2, 3, 1))]);
            Add("Softmax", [Add("Div", [products, Add("Sqrt", [width])])], name, Whole("axis", -1));
            TensorShapeProto axes = new();
            foreach (string axis in (ReadOnlySpan<string>)["batch", "heads", "pixels", "tokens"])
                axes.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = $"{name}/{axis}" });
            graph.Output.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = DataType.Float, Shape = axes } } });
        }

        private string Float(string value) => Add("Cast", [value], null, Whole("to", (int)DataType.Float));

        private static AttributeProto Whole(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

        private static AttributeProto Order(params long[] axes) => new() { Name = "perm", Type = AttributeProto.Types.AttributeType.Ints, Ints = { axes } };

        private string Add(string operation, string[] inputs, string? output = null, params ReadOnlySpan<AttributeProto> attributes)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{operation}_{_count++}");
            NodeProto node = new() { Name = name, OpType = operation, Input = { inputs }, Output = { output ?? name } };
            foreach (AttributeProto attribute in attributes)
                node.Attribute.Add(attribute);
            graph.Node.Add(node);
            return node.Output[0];
        }

        private string Integers(params long[] values)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}shape_{_count++}");
            graph.Initializer.Add(new TensorProto { Name = name, DataType = DataType.Int64, Dims = { values.Length }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())) });
            return name;
        }
    }
}
