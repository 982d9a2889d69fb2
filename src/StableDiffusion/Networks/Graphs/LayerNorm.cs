using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Layer normalization over the last axis.</summary>
internal sealed class LayerNorm
{
    private readonly string _path;
    private readonly float _epsilon;
    private readonly Weight _scale;
    private readonly Weight _shift;

    /// <summary>Reads the weights of a layer.</summary>
    /// <param name="weights">The layer's <c>weight</c> and <c>bias</c>, both [width].</param>
    /// <param name="width">The length of the last axis.</param>
    /// <param name="epsilon">The value added to a variance.</param>
    public LayerNorm(WeightScope weights, int width, float epsilon)
    {
        _path = weights.Path;
        _epsilon = epsilon;
        _scale = weights.Get("weight", width);
        _shift = weights.Get("bias", width);
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Values [.., width].</param>
    /// <returns>Values [.., width].</returns>
    /// <remarks>The operator computes mean and variance in 32-bit floats, whatever the type of its input (<c>stash_type</c>).</remarks>
    public Value Apply(GraphBuilder graph, Value x) => graph.Node(
        "LayerNormalization", [x, graph.Weight(_scale), graph.Weight(_shift)], [("axis", -1), ("epsilon", _epsilon)], _path);
}
