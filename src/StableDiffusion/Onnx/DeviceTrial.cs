using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx;

/// <summary>A convolution of ones, small enough to test any device with.</summary>
internal static class DeviceTrial
{
    private const int Side = 3;
    private const string Input = "input";
    private const string Kernel = "kernel";
    private const string Output = "output";

    /// <summary>Runs the graph on a device.</summary>
    /// <param name="options">The options of a session on the device.</param>
    /// <returns>The fault, as a sentence; null if the result is right.</returns>
    public static string? Run(SessionOptions options)
    {
        using InferenceSession session = new(Graph().ToByteArray(), options);
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(Ones(), [1, 1, Side, Side]);
        using RunOptions runOptions = OnnxSession.CreateRunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(runOptions, [Input], [input], [Output]);
        float sum = outputs[0].GetTensorDataAsSpan<float>()[0];
        return MathF.Abs(sum - (Side * Side)) < 0.01f ? null : $"A test returned {sum} instead of {Side * Side}.";
    }

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
