using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A convolution over pictures [batch, channels, height, width].</summary>
internal sealed class Conv2d
{
    private readonly string _path;
    private readonly Weight _weight;
    private readonly Weight _bias;
    private readonly int _kernel;
    private readonly int _stride;
    private readonly long[] _padding;

    /// <summary>Takes the weights of a layer; it keeps the pictures' size, or divides it by the stride.</summary>
    /// <param name="weights">The layer's <c>weight</c> [out, in, kernel, kernel] and <c>bias</c> [out].</param>
    /// <param name="inChannels">The channels that it takes.</param>
    /// <param name="outChannels">The channels that it gives.</param>
    /// <param name="kernel">The length of the kernel's sides.</param>
    /// <param name="stride">How many pixels there are from one output to the next.</param>
    /// <param name="padding">Zeros to add at the top, left, bottom and right; all round alike if null.</param>
    public Conv2d(WeightScope weights, int inChannels, int outChannels, int kernel = 3, int stride = 1, long[]? padding = null)
    {
        _path = weights.Path;
        _weight = weights.Get("weight", outChannels, inChannels, kernel, kernel);
        _bias = weights.Get("bias", outChannels);
        _kernel = kernel;
        _stride = stride;
        long side = (kernel - 1) / 2;
        _padding = padding ?? [side, side, side, side];
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Pictures.</param>
    /// <returns>Pictures.</returns>
    public Value Apply(GraphBuilder graph, Value x) => graph.MatMul.Convolve(
        graph,
        x,
        _weight.ForGraph(),
        _bias.ForGraph(),
        [("kernel_shape", [_kernel, _kernel]), ("strides", [_stride, _stride]), ("pads", _padding)],
        _path);
}
