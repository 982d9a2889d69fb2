using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Group normalization (Wu and He, arXiv 1803.08494).</summary>
internal sealed class GroupNorm
{
    private readonly string _path;
    private readonly int _groups;
    private readonly float _epsilon;
    private readonly Weight _scale;
    private readonly Weight _shift;

    /// <summary>Reads the weights of a layer.</summary>
    /// <param name="weights">The layer's <c>weight</c> and <c>bias</c>, both [channels].</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="groups">The number of groups.</param>
    /// <param name="epsilon">The value added to a variance.</param>
    public GroupNorm(WeightScope weights, int channels, int groups, float epsilon)
    {
        _path = weights.Path;
        _groups = groups;
        _epsilon = epsilon;
        _scale = weights.Get("weight", channels).Reshape(channels, 1, 1);
        _shift = weights.Get("bias", channels).Reshape(channels, 1, 1);
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x) => graph.GroupNorm(x, _groups, _epsilon, _scale.ForGraph(), _shift.ForGraph(), _path);
}
