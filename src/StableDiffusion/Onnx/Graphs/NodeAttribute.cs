using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>An attribute of a node, created from a name and a value, as in <c>("axis", 1)</c>.</summary>
internal readonly struct NodeAttribute
{
    private NodeAttribute(AttributeProto proto) => Proto = proto;

    public AttributeProto Proto { get; }

    public static implicit operator NodeAttribute((string Name, long Value) setting) =>
        new(new AttributeProto { Name = setting.Name, I = setting.Value, Type = AttributeType.Int });

    public static implicit operator NodeAttribute((string Name, float Value) setting) =>
        new(new AttributeProto { Name = setting.Name, F = setting.Value, Type = AttributeType.Float });

    public static implicit operator NodeAttribute((string Name, string Value) setting) =>
        new(new AttributeProto { Name = setting.Name, S = ByteString.CopyFromUtf8(setting.Value), Type = AttributeType.String });

    public static implicit operator NodeAttribute((string Name, long[] Values) setting)
    {
        AttributeProto proto = new() { Name = setting.Name, Type = AttributeType.Ints };
        proto.Ints.AddRange(setting.Values);
        return new NodeAttribute(proto);
    }
}
