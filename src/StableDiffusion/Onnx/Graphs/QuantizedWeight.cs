namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// A weight in 8-bit signed integers, -127 to 127, with a scale for each output channel: value = scale · integer.
/// </summary>
/// <param name="weight">The weight in floats.</param>
/// <param name="channelsFirst">Whether the channels are its rows, as in a convolution's kernels, or its columns, as in a matrix [in, out].</param>
internal sealed class QuantizedWeight(GraphWeight weight, bool channelsFirst)
{
    /// <summary>What the names of the integers end in.</summary>
    public const string ValuesEnding = ".int8";

    private readonly int _channels = channelsFirst ? weight.Shape[0] : weight.Shape[^1];

    /// <summary>How many output channels there are.</summary>
    public int Channels => _channels;

    /// <summary>Adds the integers to a graph.</summary>
    public Value AddValues(GraphBuilder graph) => graph.ByteWeight(weight.Name + ValuesEnding, weight.Shape, ReadValues);

    /// <summary>Adds the scales to a graph.</summary>
    public Value AddScales(GraphBuilder graph) => graph.SingleWeight($"{weight.Name}.scale", [_channels], ReadScales);

    /// <summary>Adds the zero points, all zero, to a graph.</summary>
    /// <remarks>
    /// Each weight has its own: where a processor's products of signed bytes would overflow (AVX2 without VNNI), ONNX Runtime
    /// makes weights and their zero points unsigned, under names made of theirs, and fails at the second user of one.
    /// </remarks>
    public Value AddZeroPoints(GraphBuilder graph) => graph.ByteWeight($"{weight.Name}.zero_point", [_channels], static values => values.Clear());

    /// <summary>Reads the scales.</summary>
    /// <param name="scales">Receives one for each output channel.</param>
    public void ReadScales(Span<float> scales) => FindScales(ReadFloats(), scales);

    private float[] ReadFloats()
    {
        float[] values = GC.AllocateUninitializedArray<float>(weight.Count);
        weight.Read(values);
        return values;
    }

    private void ReadValues(Span<sbyte> integers)
    {
        float[] values = ReadFloats();
        float[] scales = new float[_channels];
        FindScales(values, scales);
        int run = RunLength(values);
        for (int i = 0; i < values.Length; i++)
            integers[i] = (sbyte)MathF.Round(values[i] / scales[i / run % _channels]);
    }

    private void FindScales(float[] values, Span<float> scales)
    {
        scales.Clear();
        int run = RunLength(values);
        for (int i = 0; i < values.Length; i++)
        {
            ref float largest = ref scales[i / run % _channels];
            largest = MathF.Max(largest, MathF.Abs(values[i]));
        }

        foreach (ref float scale in scales)
            scale = scale > 0 ? scale / sbyte.MaxValue : 1;
    }

    // How many values in a row belong to one channel.
    private int RunLength(float[] values) => channelsFirst ? values.Length / _channels : 1;
}
