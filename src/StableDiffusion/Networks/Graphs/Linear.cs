using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A linear layer: x·Wᵀ + b over the last axis.</summary>
internal sealed class Linear
{
    private readonly string _path;
    private readonly string _suffix;
    private readonly Weight _weight;
    private readonly Weight? _bias;

    /// <summary>Reads the weights of a layer.</summary>
    /// <param name="weights">The layer's <c>weight</c> [out, in], or [out, in, 1, 1] of a pointwise convolution, and <c>bias</c> [out].</param>
    /// <param name="inWidth">The input width.</param>
    /// <param name="outWidth">The output width.</param>
    /// <param name="bias">Whether it has a bias.</param>
    public Linear(WeightScope weights, int inWidth, int outWidth, bool bias = true)
        : this(
            weights.Path,
            string.Empty,
            GetMatrix(weights, inWidth, outWidth),
            bias ? weights.Get("bias", outWidth) : null)
    {
    }

    private Linear(string path, string suffix, Weight weight, Weight? bias)
    {
        _path = path;
        _suffix = suffix;
        _weight = weight;
        _bias = bias;
    }

    /// <summary>Returns a layer with only some of the outputs.</summary>
    /// <param name="name">A name for this part.</param>
    /// <param name="first">The index of the first output.</param>
    /// <param name="count">The number of outputs.</param>
    /// <returns>The part.</returns>
    public Linear Part(string name, int first, int count) =>
        new(_path, $".{name}", _weight.Rows(first, count), _bias?.Rows(first, count));

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Values [.., in].</param>
    /// <returns>Values [.., out].</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        int outWidth = _weight.Shape[0];
        int inWidth = _weight.Shape[1];
        GraphWeight matrix = new(_weight.Name + _suffix, [inWidth, outWidth], ReadTransposed) { Source = _weight.Source };
        GraphWeight? bias = _bias is null ? null : _bias.ForGraph() with { Name = _bias.Name + _suffix };
        return graph.MatMul.Multiply(graph, x, matrix, bias, _path);
    }

    private static Weight GetMatrix(WeightScope weights, int inWidth, int outWidth)
    {
        bool pointwise = weights.Weights.FindShape($"{weights.Path}.weight") is { Count: 4 };
        return pointwise
            ? weights.Get("weight", outWidth, inWidth, 1, 1).Reshape(outWidth, inWidth)
            : weights.Get("weight", outWidth, inWidth);
    }

    private void ReadTransposed(Span<float> destination)
    {
        int rows = _weight.Shape[0];
        int columns = _weight.Shape[1];
        float[] values = GC.AllocateUninitializedArray<float>(_weight.Count);
        _weight.Read(values);
        Matrix.Transpose(values, rows, columns, destination);
    }
}
