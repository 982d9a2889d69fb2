using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// Transformer blocks over the pixels of feature maps (diffusers' Transformer2DModel). Its projections are pointwise
/// convolutions in SD 1.x and linear layers in SD 2.x; with pixels as tokens, both are the same product.
/// </summary>
internal sealed class SpatialTransformer
{
    private const float Epsilon = 1e-6f;

    private readonly int _channels;
    private readonly GroupNorm _norm;
    private readonly Linear _projectIn;
    private readonly TransformerBlock[] _blocks;
    private readonly Linear _projectOut;

    public SpatialTransformer(WeightScope weights, int channels, int textWidth, int heads, int layers, int groups)
    {
        _channels = channels;
        _norm = new GroupNorm(weights["norm"], channels, groups, Epsilon);
        _projectIn = new Linear(weights["proj_in"], channels, channels);
        _blocks = new TransformerBlock[layers];
        for (int i = 0; i < layers; i++)
            _blocks[i] = new TransformerBlock(weights["transformer_blocks", i], channels, textWidth, heads);
        _projectOut = new Linear(weights["proj_out"], channels, channels);
    }

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="text">The text embedding [batch, sequence, text width].</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value text)
    {
        Value tokens = graph.ToTokens(_norm.Apply(graph, x), _channels);
        tokens = _projectIn.Apply(graph, tokens);
        foreach (TransformerBlock block in _blocks)
            tokens = block.Apply(graph, tokens, text);
        return graph.Add(graph.ToFeatureMaps(_projectOut.Apply(graph, tokens), x), x);
    }
}
