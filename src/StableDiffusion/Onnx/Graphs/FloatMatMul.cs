namespace StableDiffusion.Onnx.Graphs;

/// <summary>Writes convolutions and linear layers in the graph's floating-point type.</summary>
internal sealed class FloatMatMul : IMatMulWriter
{
    public static FloatMatMul Instance { get; } = new();

    public Value Convolve(GraphBuilder graph, Value x, GraphWeight weight, GraphWeight bias, ReadOnlySpan<NodeAttribute> attributes, string path) =>
        graph.Node("Conv", [x, graph.Weight(weight), graph.Weight(bias)], attributes, path);

    /// <inheritdoc/>
    /// <remarks>ONNX Runtime fuses the pair into one matrix product on the CPU; a Gemm with its reshapes was no faster for any size of these networks.</remarks>
    public Value Multiply(GraphBuilder graph, Value x, GraphWeight matrix, GraphWeight? bias, string path)
    {
        Value product = graph.Node("MatMul", [x, graph.Weight(matrix)], path: path);
        return bias is null ? product : graph.Node("Add", [product, graph.Weight(bias)], path: path);
    }
}
