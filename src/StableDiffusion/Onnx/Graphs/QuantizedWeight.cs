namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// A weight in 8-bit signed integers, -127 to 127, with a scale for each output channel: value = scale · integer.
/// </summary>
/// <param name="weight">The weight in floats.</param>
/// <param name="channelsFirst">Whether the output channels are the rows, as in a convolution's kernels, or the columns, as in a matrix [in, out].</param>
internal sealed class QuantizedWeight(GraphWeight weight, bool channelsFirst)
{
    /// <summary>The suffix of the names of the integers.</summary>
    public const string ValuesEnding = ".int8";

    /// <summary>The suffix of the names of the integers of a bias.</summary>
    public const string BiasEnding = ".int32";

    /// <summary>The suffix of the names of the scales.</summary>
    public const string ScalesEnding = ".scale";

    private readonly int _channels = channelsFirst ? weight.Shape[0] : weight.Shape[^1];

    public int Channels => _channels;

    public Value AddValues(GraphBuilder graph) => graph.ByteWeight(weight.Name + ValuesEnding, weight.Shape, ReadValues);

    public Value AddScales(GraphBuilder graph) => graph.SingleWeight(weight.Name + ScalesEnding, [_channels], ReadScales);

    /// <summary>Adds the zero points, which are all zero, to a graph.</summary>
    /// <remarks>
    /// Each weight has its own zero points: on CPUs whose products of signed bytes would overflow (AVX2 without VNNI), ONNX Runtime
    /// makes weights and their zero points unsigned, under names derived from theirs, and fails if two weights share them.
    /// </remarks>
    public Value AddZeroPoints(GraphBuilder graph) => graph.ByteWeight($"{weight.Name}.zero_point", [_channels], static values => values.Clear());

    /// <summary>Reads the scales.</summary>
    /// <param name="scales">Receives one scale per output channel.</param>
    public void ReadScales(Span<float> scales) => FindScales(ReadFloats(), RunLength(weight.Shape), scales);

    /// <summary>The number of consecutive values of one output channel: those of a kernel, or one of a matrix [in, out] and of a bias.</summary>
    /// <param name="shape">The shape of the weight.</param>
    internal static int RunLength(IReadOnlyList<int> shape) => shape.Count > 2 ? shape.Skip(1).Aggregate(1, static (product, length) => checked(product * length)) : 1;

    /// <summary>Quantizes a weight.</summary>
    /// <param name="values">The weight in floats.</param>
    /// <param name="runLength">As of <see cref="RunLength"/>.</param>
    /// <param name="scales">Receives one scale per output channel.</param>
    /// <param name="integers">Receives the integers.</param>
    internal static void Quantize(ReadOnlySpan<float> values, int runLength, Span<float> scales, Span<sbyte> integers)
    {
        FindScales(values, runLength, scales);
        for (int i = 0; i < values.Length; i++)
            integers[i] = (sbyte)MathF.Round(values[i] / scales[i / runLength % scales.Length]);
    }

    private float[] ReadFloats()
    {
        float[] values = GC.AllocateUninitializedArray<float>(weight.Count);
        weight.Read(values);
        return values;
    }

    private void ReadValues(Span<sbyte> integers) => Quantize(ReadFloats(), RunLength(weight.Shape), new float[_channels], integers);

    private static void FindScales(ReadOnlySpan<float> values, int runLength, Span<float> scales)
    {
        scales.Clear();
        for (int i = 0; i < values.Length; i++)
        {
            ref float largest = ref scales[i / runLength % scales.Length];
            largest = MathF.Max(largest, MathF.Abs(values[i]));
        }

        foreach (ref float scale in scales)
            scale = scale > 0 ? scale / sbyte.MaxValue : 1;
    }
}
