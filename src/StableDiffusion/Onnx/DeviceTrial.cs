using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx;

/// <summary>Graphs that are small enough to test any device with.</summary>
internal static class DeviceTrial
{
    private const int Side = 3;
    private const string Input = "input";
    private const string Kernel = "kernel";
    private const string Output = "output";

    private const int Channels = 320;
    private const int Rows = 2;
    private const int Width = 5;
    private const int Groups = 32;
    private const float Epsilon = 1e-5f;

    // Of the largest value: cards round the factors of products to 10 bits.
    private const float Tolerance = 0.02f;

    /// <summary>Runs a convolution of ones on a device.</summary>
    /// <param name="options">The options of a session on the device.</param>
    /// <returns>The fault, as a sentence; null if the result is right.</returns>
    public static string? Run(SessionOptions options)
    {
        float sum = Run(Graph(), options, Ones(), 1, 1, Side, Side)[0];
        return MathF.Abs(sum - (Side * Side)) < 0.01f ? null : $"A test returned {sum} instead of {Side * Side}.";
    }

    /// <summary>
    /// Runs a part of a network, convolutions with group normalizations between them, one of which is followed by a SiLU, on the
    /// processor and, as <see cref="ChannelsLast"/> writes it, on a device.
    /// </summary>
    /// <param name="processor">The options of a session on the processor.</param>
    /// <param name="device">The options of a session on the device.</param>
    /// <param name="precision">The types of the graph.</param>
    /// <returns>The fault, as a sentence; null if both results are the same within rounding.</returns>
    public static string? RunFused(SessionOptions processor, SessionOptions device, GraphPrecision precision)
    {
        ModelProto model = Block(precision);
        float[] values = Waves(Rows * Channels * Side * Width, 1);
        float[] expected = Run(model, processor, values, Rows, Channels, Side, Width);
        ChannelsLast.Apply(model);
        float[] actual = Run(model, device, values, Rows, Channels, Side, Width);
        float largest = expected.Max(MathF.Abs);
        float[] differences = [.. expected.Zip(actual, static (one, other) => MathF.Abs(one - other))];
        return Array.TrueForAll(differences, difference => difference <= Tolerance * largest)
            ? null
            : $"A test returned values that are up to {differences.Max()} away from those of the processor, of which the largest is {largest}, or no numbers.";
    }

    private static float[] Run(ModelProto model, SessionOptions options, float[] values, params long[] shape)
    {
        using InferenceSession session = new(model.ToByteArray(), options);
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(values, shape);
        using RunOptions runOptions = OnnxSession.NewRunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(runOptions, [Input], [input], [Output]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static ModelProto Block(GraphPrecision precision)
    {
        GraphBuilder graph = new("trial", precision);
        Value x = graph.ToComputed(graph.Input(Input, "batch", Channels, "height", "width"));
        x = Convolve(x, "first");
        x = graph.Silu(Normalize(x, "activated"));
        x = Convolve(x, "middle");
        graph.Output(Output, Convolve(Normalize(x, "plain"), "last"), "batch", Channels, "height", "width");
        return graph.ToModel();

        Value Convolve(Value value, string name) => graph.MatMul.Convolve(
            graph, value, Weight($"{name}.weight", 0.1f, Channels, Channels, Side, Side), Weight($"{name}.bias", 0.1f, Channels), [("kernel_shape", [Side, Side]), ("pads", [1, 1, 1, 1])], name);

        Value Normalize(Value value, string name) => graph.GroupNorm(value, Groups, Epsilon, Weight($"{name}.weight", 1, Channels, 1, 1), Weight($"{name}.bias", 1, Channels, 1, 1), name);

        static GraphWeight Weight(string name, float size, params int[] shape) => new(name, shape, values => Waves(values.Length, size).CopyTo(values));
    }

    private static float[] Waves(int count, float size) => [.. Enumerable.Range(0, count).Select(i => size * MathF.Sin(0.7f * i))];

    private static ModelProto Graph() => new()
    {
        IrVersion = 8,
        OpsetImport = { new OperatorSetIdProto { Version = 17 } },
        Graph = new GraphProto
        {
            Name = "trial",
            Input = { Tensor(Input, Side) },
            Output = { Tensor(Output, 1) },
            Initializer =
            {
                new TensorProto { Name = Kernel, DataType = DataType.Float, Dims = { 1, 1, Side, Side }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(Ones())) },
            },
            Node = { new NodeProto { OpType = "Conv", Input = { Input, Kernel }, Output = { Output } } },
        },
    };

    private static float[] Ones() => [.. Enumerable.Repeat(1f, Side * Side)];

    private static ValueInfoProto Tensor(string name, int side) => new()
    {
        Name = name,
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = DataType.Float,
                Shape = new TensorShapeProto { Dim = { Size(1), Size(1), Size(side), Size(side) } },
            },
        },
    };

    private static TensorShapeProto.Types.Dimension Size(long value) => new() { DimValue = value };
}
