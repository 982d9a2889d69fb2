using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Quantization;

/// <summary>Layers in floats that also output, for each convolution to be quantized, the lowest and highest value of its input and output.</summary>
internal sealed class CalibrationMatMul : IMatMulWriter
{
    private readonly List<string> _paths = [];

    /// <summary>The convolutions that are observed.</summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>The name of the output with the ranges of a convolution: four values, those of its input and then of its output.</summary>
    public static string OutputName(string path) => $"{path}/ranges";

    public Value Convolve(GraphBuilder graph, Value x, GraphWeight weight, GraphWeight bias, ReadOnlySpan<NodeAttribute> attributes, string path)
    {
        Value y = FloatMatMul.Instance.Convolve(graph, x, weight, bias, attributes, path);
        if (QuantizedLayers.Contains(path))
        {
            _paths.Add(path);
            graph.Output(
                OutputName(path),
                graph.Concat(0, graph.Node("ReduceMin", [x]), graph.Node("ReduceMax", [x]), graph.Node("ReduceMin", [y]), graph.Node("ReduceMax", [y])),
                4, 1, 1, 1);
        }

        return y;
    }

    public Value Multiply(GraphBuilder graph, Value x, GraphWeight matrix, GraphWeight? bias, string path) =>
        FloatMatMul.Instance.Multiply(graph, x, matrix, bias, path);
}
