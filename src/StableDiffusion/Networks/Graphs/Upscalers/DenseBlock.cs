using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Upscalers;

/// <summary>
/// The residual dense block of ESRGAN: five convolutions, each of which sees the input and the results of those before it.
/// Source: Wang et al., arXiv 1809.00219, figure 4.
/// </summary>
internal sealed class DenseBlock
{
    /// <summary>The part of a result that is added to the input of a block.</summary>
    public const float ResidualScale = 0.2f;

    /// <summary>The slope of the activation below zero.</summary>
    public const float Slope = 0.2f;

    private const int Layers = 5;

    private readonly Conv2d[] _convolutions;

    /// <summary>Reads the weights of a block.</summary>
    /// <param name="weights">The weights of <c>conv1</c> to <c>conv5</c>.</param>
    /// <param name="features">The number of input and output channels.</param>
    /// <param name="growth">The number of channels that each layer but the last adds.</param>
    public DenseBlock(WeightScope weights, int features, int growth) => _convolutions =
        [.. Enumerable.Range(0, Layers).Select(i => new Conv2d(weights[$"conv{i + 1}"], features + (i * growth), i < Layers - 1 ? growth : features))];

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, features, height, width].</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        List<Value> known = [x];
        foreach (Conv2d convolution in _convolutions.SkipLast(1))
            known.Add(graph.LeakyRelu(convolution.Apply(graph, Join(graph, known)), Slope));
        return AddTo(graph, x, _convolutions[^1].Apply(graph, Join(graph, known)));
    }

    /// <summary>Adds the result of layers to their input.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">The input.</param>
    /// <param name="result">The result.</param>
    public static Value AddTo(GraphBuilder graph, Value x, Value result) => graph.Add(graph.Mul(result, graph.Scalar(ResidualScale)), x);

    private static Value Join(GraphBuilder graph, List<Value> values) => values.Count == 1 ? values[0] : graph.Concat(1, [.. values]);
}
