using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>The feed-forward layer of a transformer block, with a gated unit (GEGLU; Shazeer, 2020) of four times the width.</summary>
internal sealed class FeedForward
{
    /// <summary>The names of the two halves of the first layer in the graph, in the order of its outputs.</summary>
    public static readonly string[] HalfNames = ["hidden", "gate"];

    private readonly Linear _hidden;
    private readonly Linear _gate;
    private readonly Linear _output;

    public FeedForward(WeightScope weights, int width)
    {
        // One layer computes values and gates; two products save a split of the result.
        int inner = 4 * width;
        Linear both = new(weights["net.0.proj"], width, 2 * inner);
        _hidden = both.Part(HalfNames[0], 0, inner);
        _gate = both.Part(HalfNames[1], inner, inner);
        _output = new Linear(weights["net.2"], inner, width);
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Tokens [batch, tokens, width].</param>
    /// <returns>Tokens [batch, tokens, width].</returns>
    public Value Apply(GraphBuilder graph, Value x) => _output.Apply(
        graph, graph.Mul(_hidden.Apply(graph, x), graph.Gelu(_gate.Apply(graph, x))));
}
