using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Doubles the sides of pictures: every pixel is repeated, and a convolution smooths the result.</summary>
internal sealed class Upsample
{
    private readonly Conv2d _conv;

    /// <summary>Takes the weights of a layer.</summary>
    /// <param name="weights">The weights of its <c>conv</c>.</param>
    /// <param name="channels">The channels that it takes and gives.</param>
    public Upsample(WeightScope weights, int channels) => _conv = new Conv2d(weights["conv"], channels, channels);

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Pictures [batch, channels, height, width].</param>
    /// <returns>Pictures [batch, channels, 2 height, 2 width].</returns>
    public Value Apply(GraphBuilder graph, Value x) => _conv.Apply(graph, graph.UpsampleNearest(x));

    /// <summary>Adds the layer to a graph where the result must be as large as another picture.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Pictures [batch, channels, height, width].</param>
    /// <param name="like">A picture whose sides are 2 height or 2 height - 1, and 2 width or 2 width - 1.</param>
    /// <returns>Pictures of those sides.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value like)
    {
        // Halving an odd side rounds up. Repeating every pixel and leaving out the last row then gives the very
        // pixels that a nearest-neighbour resize to the odd side gives.
        Value upsampled = graph.UpsampleNearest(x);
        Value cropped = graph.Node(
            "Slice", [upsampled, graph.Integers(0, 0), graph.Shape(like, 2, 4), graph.Integers(2, 3)]);
        return _conv.Apply(graph, cropped);
    }
}
