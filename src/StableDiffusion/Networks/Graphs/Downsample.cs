using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Halves the sides of pictures with a convolution.</summary>
internal sealed class Downsample
{
    private readonly Conv2d _conv;

    /// <summary>Takes the weights of a layer.</summary>
    /// <param name="weights">The weights of its <c>conv</c>.</param>
    /// <param name="channels">The channels that it takes and gives.</param>
    /// <param name="padBeyond">
    /// Whether zeros are added only below and to the right, as the autoencoder does, and not all round, as the U-Net does.
    /// </param>
    public Downsample(WeightScope weights, int channels, bool padBeyond = false) =>
        _conv = new Conv2d(weights["conv"], channels, channels, stride: 2, padding: padBeyond ? [0, 0, 1, 1] : null);

    public Value Apply(GraphBuilder graph, Value x) => _conv.Apply(graph, x);
}
