using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Quantization;

/// <summary>
/// Layers in 8-bit integers, in the forms that ONNX Runtime's CPU provider runs fastest. Convolutions are between
/// QuantizeLinear and DequantizeLinear with static ranges, which ONNX Runtime fuses into a QLinearConv:
/// two to three times as fast as floats, while its only convolution with dynamic ranges, ConvInteger, is slower
/// than floats at 192 channels of 4x4 pixels and 1.4 times as fast at 320 of 64x64. Linear layers find the range of their
/// input at run time, in DynamicQuantizeMatMul.
/// </summary>
/// <param name="ranges">The ranges of each convolution by its path.</param>
/// <remarks>Jacob et al., arXiv 1712.05877, section 2; weights by output channel: Krishnamoorthi, arXiv 1806.08342, section 3.</remarks>
internal sealed class IntegerMatMul(IReadOnlyDictionary<string, ConvolutionRanges> ranges) : IMatMulWriter
{
    public Value Convolve(GraphBuilder graph, Value x, GraphWeight weight, GraphWeight bias, ReadOnlySpan<NodeAttribute> attributes, string path)
    {
        if (!QuantizedLayers.Contains(path))
            return FloatMatMul.Instance.Convolve(graph, x, weight, bias, attributes, path);

        ConvolutionRanges range = ranges[path];
        QuantizedWeight quantized = new(weight, channelsFirst: true);
        float inputScale = range.Input.Quantize().Scale;
        Value kernels = graph.Node(
            "DequantizeLinear",
            [quantized.AddValues(graph), quantized.AddScales(graph), quantized.AddZeroPoints(graph)],
            [("axis", 0)],
            path);
        Value shift = graph.Node(
            "DequantizeLinear",
            [
                graph.IntegerWeight(bias.Name + QuantizedWeight.BiasEnding, bias.Shape, ReadBias),
                graph.SingleWeight(bias.Name + QuantizedWeight.ScalesEnding, bias.Shape, ReadBiasScales),
                graph.ShortIntegers(new int[quantized.Channels]),
            ],
            [("axis", 0)],
            path);
        Value y = graph.Node("Conv", [Rounded(graph, x, range.Input, path), kernels, shift], attributes, path);
        return Rounded(graph, y, range.Output, path);

        void ReadBiasScales(Span<float> scales)
        {
            quantized.ReadScales(scales);
            TensorPrimitives.Multiply(scales, inputScale, scales);
        }

        void ReadBias(Span<int> integers)
        {
            float[] scales = new float[integers.Length];
            float[] values = new float[integers.Length];
            ReadBiasScales(scales);
            bias.Read(values);
            for (int i = 0; i < integers.Length; i++)
                integers[i] = int.CreateSaturating(Math.Round(values[i] / (double)scales[i]));
        }
    }

    public Value Multiply(GraphBuilder graph, Value x, GraphWeight matrix, GraphWeight? bias, string path)
    {
        if (!QuantizedLayers.Contains(path))
            return FloatMatMul.Instance.Multiply(graph, x, matrix, bias, path);

        QuantizedWeight quantized = new(matrix, channelsFirst: false);
        return graph.MicrosoftNode(
            "DynamicQuantizeMatMul",
            [
                x,
                quantized.AddValues(graph),
                quantized.AddScales(graph),
                quantized.AddZeroPoints(graph),
                bias is null ? Value.None : graph.Weight(bias),
            ],
            path: path);
    }

    /// <summary>Quantizes a value to 8-bit integers and back.</summary>
    private static Value Rounded(GraphBuilder graph, Value x, ActivationRange range, string path)
    {
        (float scale, byte zeroPoint) = range.Quantize();
        Value step = graph.Scalar(scale);
        Value zero = graph.ByteScalar(zeroPoint);
        return graph.Node("DequantizeLinear", [graph.Node("QuantizeLinear", [x, step, zero], path: path), step, zero], path: path);
    }
}
