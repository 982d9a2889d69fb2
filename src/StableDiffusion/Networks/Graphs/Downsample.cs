using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Halves height and width with a convolution.</summary>
internal sealed class Downsample
{
    private readonly Conv2d _conv;

    /// <summary>Reads the weights of a layer.</summary>
    /// <param name="weights">The weights of its <c>conv</c>.</param>
    /// <param name="channels">The number of input and output channels.</param>
    /// <param name="padBeyond">
    /// Whether zeros are added only at the bottom and right, as in the autoencoder, rather than on all sides, as in the U-Net.
    /// </param>
    public Downsample(WeightScope weights, int channels, bool padBeyond = false) =>
        _conv = new Conv2d(weights["conv"], channels, channels, stride: 2, padding: padBeyond ? [0, 0, 1, 1] : null);

    public Value Apply(GraphBuilder graph, Value x) => _conv.Apply(graph, x);
}
