using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Tests.Onnx.Graphs;

/// <summary>Cross-attentions in graphs, as exporters write them.</summary>
public sealed class AttentionOutputsTests
{
    private const string Place = "/down_blocks.0/attentions.1/transformer_blocks.0/attn2";

    [Fact]
    public void Single_operators_that_compare_a_sample_with_a_text_are_one()
    {
        GraphProto graph = Graph(
            Node("MatMul", $"{Place}/to_q/MatMul", "q", "sample", "wq"),
            Node("MatMul", $"{Place}/to_k/MatMul", "k", "encoder_hidden_states", "wk"),
            Node("Shape", "shape", "size", "q"),
            Node("Mul", "t", "kt", "k", "size"),
            Node("MatMul", "m", "scores", "q", "kt"),
            Node("Mul", "s", "scaled", "scores", "scale"),
            Node("Add", "a", "masked", "scaled", "mask"),
            Node("Softmax", $"{Place}/Softmax", "p", "masked"),
            Node("MatMul", "o", "out", "p", "encoder_hidden_states"),
            Node("Add", "end", "out_sample", "out", "sample"));
        AttentionOutputs outputs = new();

        outputs.Apply(graph);

        AttentionLayer layer = Assert.Single(outputs.Layers);
        Assert.Equal(("down_blocks.0.attentions.1.transformer_blocks.0", "p"), (layer.Name, layer.Probabilities));
        Assert.Equal("p", Assert.Single(graph.Output).Name);
        Assert.Equal(["q", "k", "size", "kt", "scores", "scaled", "masked", "p"], graph.Node.Select(static node => node.Output[0]));
        Assert.Equal(["wq", "wk", "scale", "mask"], graph.Initializer.Select(static weight => weight.Name));
    }

    [Fact]
    public void A_fused_operator_has_queries_and_keys()
    {
        GraphProto graph = Graph(
            Node("MatMul", "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_q/MatMul", "q", "sample", "wq"),
            Node("MatMul", "k", "k", "encoder_hidden_states", "wk"),
            Fused("own", "self", 4, "q", "q", "q"),
            Fused("x", "heard", 4, "q", "k", "k"),
            Fused("x", "again", 4, "q", "k", "k"),
            Node("Add", "end", "out_sample", "heard", "own"));
        AttentionOutputs outputs = new();

        outputs.Apply(graph);

        Assert.Equal(["up_blocks.1.attentions.2.transformer_blocks.0", "up_blocks.1.attentions.2.transformer_blocks.0.2"], outputs.Layers.Select(static layer => layer.Name));
        Assert.All(outputs.Layers, static layer => Assert.Equal(("q", "k", 4, null), (layer.Query, layer.Key, layer.Heads, layer.Scale)));
        Assert.Equal(["q", "k"], graph.Output.Select(static output => output.Name));
        Assert.Equal(["q", "k"], graph.Node.Select(static node => node.Output[0]));
    }

    [Fact]
    public void Other_operators_are_none_and_leave_the_graph_as_it_is()
    {
        // A bias inside the operator, no heads, a text that looks at the sample, a softmax over another axis, and a self-attention.
        NodeProto biased = Fused("x", "a", 4, "q", "k", "k", "wq"), none = Fused("x", "b", 0, "q", "k", "k"), axis = Node("Softmax", "x", "e", "scores");
        axis.Attribute.Add(new AttributeProto { Name = "axis", I = 1 });
        GraphProto graph = Graph(
            Node("MatMul", "q", "q", "sample", "wq"),
            Node("MatMul", "k", "k", "encoder_hidden_states", "wk"),
            biased,
            none,
            Fused("x", "c", 4, "k", "q", "q"),
            Node("MatMul", "m", "scores", "q", "k"),
            axis,
            Node("MatMul", "m2", "own", "q", "q"),
            Node("Softmax", "x", "f", "own"),
            Node("Add", "end", "out_sample", "a", "f"));
        GraphProto before = graph.Clone();
        AttentionOutputs outputs = new();

        outputs.Apply(graph);

        Assert.Empty(outputs.Layers);
        Assert.Equal(before, graph);
    }

    [Fact]
    public void A_graph_with_graphs_inside_its_operators_keeps_all_of_them()
    {
        GraphProto graph = Graph(
            Node("MatMul", "q", "q", "sample", "wq"),
            Node("MatMul", "k", "k", "encoder_hidden_states", "wk"),
            Fused("x", "heard", 2, "q", "k", "k"),
            Node("If", "choice", "out_sample", "heard"));
        AttentionOutputs outputs = new();

        outputs.Apply(graph);

        Assert.Equal("cross_attention", Assert.Single(outputs.Layers).Name);
        Assert.Equal(4, graph.Node.Count);
        Assert.Equal(["out_sample", "q", "k"], graph.Output.Select(static output => output.Name));
    }

    private static GraphProto Graph(params NodeProto[] nodes) => new()
    {
        Name = "small",
        Input = { new ValueInfoProto { Name = "sample" }, new ValueInfoProto { Name = "timestep" }, new ValueInfoProto { Name = "encoder_hidden_states" } },
        Initializer = { new[] { "wq", "wk", "scale", "mask", "unused" }.Select(static name => new TensorProto { Name = name }) },
        Output = { new ValueInfoProto { Name = "out_sample" } },
        Node = { nodes },
    };

    private static NodeProto Node(string operation, string name, string output, params string[] inputs) => new() { OpType = operation, Name = name, Output = { output }, Input = { inputs } };

    private static NodeProto Fused(string name, string output, int heads, params string[] inputs)
    {
        NodeProto node = Node("MultiHeadAttention", name, output, inputs);
        node.Attribute.Add(new AttributeProto { Name = "num_heads", I = heads });
        return node;
    }
}
