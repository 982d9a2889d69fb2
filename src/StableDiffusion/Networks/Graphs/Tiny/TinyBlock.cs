using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Tiny;

/// <summary>The residual block of a tiny autoencoder: three convolutions with ReLU between them, added to the input, and a ReLU. It has no normalization.</summary>
internal sealed class TinyBlock
{
    private readonly Conv2d[] _convolutions;

    /// <summary>Reads the weights of a block.</summary>
    /// <param name="weights">The weights of its <c>conv</c>.</param>
    /// <param name="channels">The number of input and output channels.</param>
    public TinyBlock(WeightScope weights, int channels) => _convolutions =
    [
        new Conv2d(weights["conv", 0], channels, channels),
        new Conv2d(weights["conv", 2], channels, channels),
        new Conv2d(weights["conv", 4], channels, channels),
    ];

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        Value y = graph.Relu(_convolutions[0].Apply(graph, x));
        y = graph.Relu(_convolutions[1].Apply(graph, y));
        return graph.Relu(graph.Add(_convolutions[2].Apply(graph, y), x));
    }
}
