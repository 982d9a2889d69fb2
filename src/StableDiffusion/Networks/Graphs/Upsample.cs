using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Doubles height and width: every pixel is repeated, and a convolution smooths the result.</summary>
internal sealed class Upsample
{
    private readonly Conv2d _conv;

    /// <summary>Reads the weights of a layer.</summary>
    /// <param name="weights">The weights of its <c>conv</c>.</param>
    /// <param name="channels">The number of input and output channels.</param>
    public Upsample(WeightScope weights, int channels) => _conv = new Conv2d(weights["conv"], channels, channels);

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <returns>Feature maps [batch, channels, 2 height, 2 width].</returns>
    public Value Apply(GraphBuilder graph, Value x) => _conv.Apply(graph, graph.UpsampleNearest(x));

    /// <summary>Adds the layer to a graph, with the size of another feature map as the result.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="like">A feature map of 2 height or 2 height - 1, and 2 width or 2 width - 1.</param>
    /// <returns>Feature maps of that size.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value like)
    {
        // Halving an odd side rounds up. Repeating every pixel and leaving out the last row then gives exactly the pixels of a
        // nearest-neighbor resize to the odd side.
        Value upsampled = graph.UpsampleNearest(x);
        Value cropped = graph.Node(
            "Slice", [upsampled, graph.Integers(0, 0), graph.Shape(like, 2, 4), graph.Integers(2, 3)]);
        return _conv.Apply(graph, cropped);
    }
}
