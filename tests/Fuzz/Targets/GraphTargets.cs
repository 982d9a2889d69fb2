using Google.Protobuf;
using StableDiffusion.Adapters;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of ONNX graphs: the engine's own, and ONNX Runtime's.</summary>
internal static class GraphTargets
{
    private const string FileName = "model.onnx";

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        yield return new DelegateTarget("onnx", ProtobufMutations.All, Graphs, ReadWeights);
        yield return new SessionTarget();
        yield return new OperatorTarget();
        yield return new DelegateTarget("onnx-attention", ProtobufMutations.All, AttentionGraphs, FindAttention);
    }

    /// <summary>A fused cross-attention, and one of single operators.</summary>
    private static IEnumerable<byte[]> AttentionGraphs()
    {
        NodeProto query = Node("MatMul", "mid_block.attn2.to_q/MatMul", "query", "sample", "weight"), key = Node("MatMul", "key", "key", "encoder_hidden_states", "weight");
        NodeProto fused = Node("MultiHeadAttention", "fused", "heard", "query", "key", "key");
        fused.Attribute.Add(new AttributeProto { Name = "num_heads", I = 2 });
        yield return Model(query, key, fused);
        yield return Model(query, key, Node("Transpose", "transposed", "columns", "key"), Node("MatMul", "product", "scores", "query", "columns"), Node("Mul", "scaled", "logits", "scores", "weight"), Node("Softmax", "softmax", "heard", "logits"));

        static byte[] Model(params NodeProto[] nodes) => new ModelProto
        {
            IrVersion = 8,
            OpsetImport = { new OperatorSetIdProto { Version = 17 }, new OperatorSetIdProto { Domain = GraphBuilder.MicrosoftDomain, Version = 1 } },
            Graph = new GraphProto
            {
                Name = "graph",
                Node = { nodes },
                Initializer = { new TensorProto { Name = "weight", DataType = DataType.Float, Dims = { 4, 4 }, RawData = ByteString.CopyFrom(new byte[64]) } },
                Input = { Value("sample"), Value("encoder_hidden_states") },
                Output = { Value("heard") },
            },
        }.ToByteArray();

        static NodeProto Node(string operation, string name, string output, params string[] inputs) => new()
        {
            OpType = operation,
            Domain = operation == "MultiHeadAttention" ? GraphBuilder.MicrosoftDomain : string.Empty,
            Name = name,
            Output = { output },
            Input = { inputs },
        };
    }

    private static IEnumerable<string> FindAttention(byte[] data)
    {
        string path = Write(data);
        GraphCheck.Check(path);
        new AttentionOutputs().Apply(GraphFile.Read(path).Graph);
        return [];
    }

    private static IEnumerable<byte[]> Graphs()
    {
        yield return Graph(external: false);
        yield return Graph(external: true);
    }

    /// <summary>A graph with a layer that a LoRA can change.</summary>
    private static byte[] Graph(bool external)
    {
        const string Layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
        TensorProto weight = new() { Name = Layer + ".weight", DataType = DataType.Float, Dims = { 4, 4 } };
        if (external)
        {
            weight.DataLocation = TensorProto.Types.DataLocation.External;
            weight.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "model.onnx_data" });
            weight.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "0" });
            weight.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = "64" });
        }
        else
        {
            weight.RawData = ByteString.CopyFrom(new byte[64]);
        }

        ModelProto model = new()
        {
            IrVersion = 8,
            ProducerName = GraphBuilder.Producer,
            OpsetImport = { new OperatorSetIdProto { Version = 17 } },
            Graph = new GraphProto
            {
                Name = "graph",
                Node = { new NodeProto { OpType = "MatMul", Name = "node", Input = { "x", weight.Name }, Output = { "y" } } },
                Initializer = { weight },
                Input = { Value("x") },
                Output = { Value("y") },
            },
        };
        return model.ToByteArray();
    }

    private static ValueInfoProto Value(string name)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = DataType.Float, Shape = new TensorShapeProto() };
        tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = 4 });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }

    private static string Write(byte[] data)
    {
        FuzzFiles.Write(new byte[64], "graph", "model.onnx_data");
        return FuzzFiles.Write(data, "graph", FileName);
    }

    private static IEnumerable<string> ReadWeights(byte[] data)
    {
        using GraphInitializers? graph = GraphInitializers.Open(Write(data));
        if (graph is null)
            return [];

        graph.OptimizersToLeaveOut(graph.Names.ToHashSet());
        foreach (AdaptableLayer layer in AdaptableLayer.ListOf(graph).Values)
        {
            layer.ReadWeight();
            layer.Add(isBias: false, new float[layer.OutWidth * layer.InnerCount], static (_, _, _, _) => { });
        }

        return [];
    }

    /// <summary>ONNX Runtime itself, by the engine's session.</summary>
    private sealed class SessionTarget() : FuzzTarget("onnx-session", ProtobufMutations.All)
    {
        public override bool IsNative => true;

        public override IEnumerable<string> Run(byte[] data)
        {
            using OnnxSession session = OnnxSession.Open(Write(data), Device.Cpu);
            return [];
        }

        protected override IEnumerable<byte[]> MakeCorpus() => Graphs();
    }
}
