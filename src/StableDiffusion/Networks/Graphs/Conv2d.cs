using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A two-dimensional convolution.</summary>
internal sealed class Conv2d
{
    private readonly string _path;
    private readonly Weight _weight;
    private readonly Weight? _bias;
    private readonly int _kernel;
    private readonly int _stride;
    private readonly long[] _padding;

    /// <summary>Reads the weights of a layer, which keeps the size of the feature maps or divides it by the stride.</summary>
    /// <param name="weights">The layer's <c>weight</c> [out, in, kernel, kernel] and <c>bias</c> [out], if it has one.</param>
    /// <param name="inChannels">The number of input channels.</param>
    /// <param name="outChannels">The number of output channels.</param>
    /// <param name="kernel">The kernel size.</param>
    /// <param name="stride">The stride.</param>
    /// <param name="padding">The zeros to add at the top, left, bottom and right; the same on all sides if null.</param>
    /// <param name="hasBias">Whether the layer has a bias. One without cannot be quantized.</param>
    public Conv2d(WeightScope weights, int inChannels, int outChannels, int kernel = 3, int stride = 1, long[]? padding = null, bool hasBias = true)
    {
        _path = weights.Path;
        _weight = weights.Get("weight", outChannels, inChannels, kernel, kernel);
        _bias = hasBias ? weights.Get("bias", outChannels) : null;
        _kernel = kernel;
        _stride = stride;
        long side = (kernel - 1) / 2;
        _padding = padding ?? [side, side, side, side];
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, in channels, height, width].</param>
    /// <returns>Feature maps [batch, out channels, height, width].</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        NodeAttribute[] attributes = [("kernel_shape", [_kernel, _kernel]), ("strides", [_stride, _stride]), ("pads", _padding)];
        return _bias is null
            ? graph.Node("Conv", [x, graph.Weight(_weight)], attributes, _path)
            : graph.MatMul.Convolve(graph, x, _weight.ForGraph(), _bias.ForGraph(), attributes, _path);
    }
}
