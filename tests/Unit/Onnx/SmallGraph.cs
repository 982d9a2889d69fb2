using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx;

/// <summary>Graphs of a few operators, such as others may write.</summary>
internal static class SmallGraph
{
    /// <summary>Saves a graph, for operators of the standard's version 17.</summary>
    public static string Save(string path, GraphProto graph)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Model(graph).ToByteArray());
        return path;
    }

    public static ModelProto Model(GraphProto graph) => new() { IrVersion = 8, OpsetImport = { new OperatorSetIdProto { Version = 17 }, new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 } }, Graph = graph };

    /// <summary>A graph that adds to its input <c>x</c>, a float, what one operator makes.</summary>
    public static GraphProto Of(NodeProto node, params TensorProto[] constants) => new()
    {
        Name = "small",
        Node = { node, new NodeProto { OpType = "Add", Input = { "x", node.Output[0] }, Output = { "y" } } },
        Initializer = { constants },
        Input = { Value("x", 1) },
        Output = { Value("y") },
    };

    /// <summary>A graph whose outputs are each made of its first input by one operator.</summary>
    public static GraphProto Of(ValueInfoProto[] inputs, params (ValueInfoProto Output, NodeProto Node)[] outputs) => new()
    {
        Name = "small",
        Input = { inputs },
        Output = { outputs.Select(output => output.Output) },
        Node = { outputs.Select(output => { NodeProto node = output.Node.Clone(); node.Output.Add(output.Output.Name); return node; }) },
    };

    public static NodeProto Node(string name, params string[] inputs) => new() { OpType = name, Input = { inputs }, Output = { "made" } };

    public static TensorProto Integers(string name, params long[] values) => new() { Name = name, DataType = DataType.Int64, Dims = { values.Length }, RawData = ByteString.CopyFrom([.. values.SelectMany(BitConverter.GetBytes)]) };

    public static TensorProto Integer(string name, long value) => new() { Name = name, DataType = DataType.Int64, RawData = ByteString.CopyFrom(BitConverter.GetBytes(value)) };

    /// <summary>A tensor whose values are the given bytes of a field, which the project's own form of the format may have no name for.</summary>
    public static TensorProto Packed(string name, DataType type, long length, int field, params byte[] bytes)
    {
        TensorProto empty = new() { Name = name, DataType = type, Dims = { length } };
        return With(empty, field, bytes);
    }

    public static TensorProto Float(string name, float value) => new() { Name = name, DataType = DataType.Float, Dims = { 1 }, RawData = ByteString.CopyFrom(BitConverter.GetBytes(value)) };

    /// <summary>A float in another file.</summary>
    public static TensorProto External(string name, string location, string offset = "0", string length = "4") => new()
    {
        Name = name,
        DataType = DataType.Float,
        Dims = { 1 },
        DataLocation = TensorProto.Types.DataLocation.External,
        ExternalData =
        {
            new StringStringEntryProto { Key = "location", Value = location },
            new StringStringEntryProto { Key = "offset", Value = offset },
            new StringStringEntryProto { Key = "length", Value = length },
        },
    };

    /// <summary>An input or output of floats; a length of 0 is left open.</summary>
    public static ValueInfoProto Value(string name, params long[] shape) => Value(name, DataType.Float, shape);

    public static ValueInfoProto Value(string name, DataType type, params long[] shape) => new()
    {
        Name = name,
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = type,
                Shape = new TensorShapeProto { Dim = { shape.Select((length, axis) => length == 0 ? new TensorShapeProto.Types.Dimension { DimParam = $"{name}_{axis}" } : new TensorShapeProto.Types.Dimension { DimValue = length }) } },
            },
        },
    };

    /// <summary>A message with one more field, which the project's own form of the format has no name for.</summary>
    public static T With<T>(T message, int field, IMessage value)
        where T : IMessage<T>, new() => With(message, field, value.ToByteArray());

    /// <inheritdoc cref="With{T}(T, int, IMessage)"/>
    public static T With<T>(T message, int field, byte[] value)
        where T : IMessage<T>, new()
    {
        using MemoryStream stream = new();
        using CodedOutputStream output = new(stream);
        message.WriteTo(output);
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
        output.Flush();
        return new MessageParser<T>(static () => new T()).ParseFrom(stream.ToArray());
    }
}
