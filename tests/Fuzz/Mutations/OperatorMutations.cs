using System.Globalization;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of small graphs of a few operators: their inputs, their shapes, types and values, and settings. A length of an input that the graph leaves open is its name.</summary>
internal static class OperatorMutations
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [Change];

    // No input of a part of a model is empty.
    private static readonly int[] s_lengths = [1, 1, 2, 3, 4, 5, 8, 16, 17, 33];

    private static readonly long[] s_integers = [0, 0, 1, 1, -1, -1, 2, -2, 3, 4, -4, 5, 7, 8, 9, 16, 17, 63, 64, 255, 513, int.MaxValue, int.MinValue, 1L << 32, long.MaxValue, long.MinValue];

    private static readonly float[] s_floats = [0, 1, -1, 0.5f, 2, 1e-30f, 1e38f, float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    private static readonly int[] s_types = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 17, 21, 22];

    private static readonly string[] s_texts =
    [
        "", "constant", "reflect", "edge", "wrap", "nearest", "linear", "cubic", "asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "tf_crop_and_resize", "half_pixel_symmetric", "floor",
        "ceil", "round_prefer_ceil", "round_prefer_floor", "add", "mul", "max", "min", "none", "DCR", "CRD", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "tanh", "Relu", "Tanh", "Sigmoid", "LeakyRelu",
        "Clip", "HardSigmoid", "stretch", "not_larger", "not_smaller", "ij,jk->ik", "ii->i", "ii", "i->", "ij->ji", "...,...->...", "bij,bkj->bik", "i,i,i->i",
    ];

    /// <summary>The shapes with which a graph is run.</summary>
    public static Dictionary<string, int[]> InputShapes(byte[] data) => Parse(data).Graph.Input.ToDictionary(
        static input => input.Name,
        static input => input.Type.TensorType.Shape.Dim.Select(static axis => axis.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue ? (int)axis.DimValue : int.Parse(axis.DimParam, CultureInfo.InvariantCulture)).ToArray());

    /// <summary>Gives a constant small values, whatever its type.</summary>
    public static void Fill(TensorProto weight, Random random)
    {
        int count = (int)weight.Dims.Aggregate(1L, static (product, length) => product * length);
        int size = (int)weight.DataType switch { 1 or 6 or 12 => 4, 7 or 11 or 13 => 8, 4 or 5 or 10 or 16 => 2, _ => 1 };
        byte[] bytes = new byte[(int)weight.DataType is 21 or 22 ? (count + 1) / 2 : count * size];
        if (weight.DataType == DataType.Float)
            Buffer.BlockCopy(Enumerable.Range(0, count).Select(_ => random.NextSingle() + 0.1f).ToArray(), 0, bytes, 0, bytes.Length);
        else
            for (int i = 0; i < bytes.Length; i += size)
                bytes[i] = (byte)random.Next(1, 3);
        weight.RawData = ByteString.CopyFrom(bytes);
    }

    private static byte[] Change(byte[] data, Random random)
    {
        ModelProto model = Parse(data);
        GraphProto graph = model.Graph;
        NodeProto[] named = [.. graph.Node.Where(static node => node.Name.Length > 0)];
        NodeProto node = named[random.Next(named.Length)];
        switch (random.Next(16))
        {
            case < 4 when Pick(graph.Input, random) is { } input && Pick(input.Type.TensorType.Shape.Dim, random) is { } axis:
                int length = s_lengths[random.Next(s_lengths.Length)];
                if (random.Next(4) > 0)
                    axis.DimParam = length.ToString(CultureInfo.InvariantCulture);
                else
                    axis.DimValue = length;
                break;
            case 4 when Pick(graph.Input, random) is { } input:
                ChangeRank(input.Type.TensorType.Shape, random);
                break;
            case 5 or 6 when Pick(graph.Initializer, random) is { } weight:
                ChangeShape(weight, random);
                break;
            case 7 or 8 when graph.Initializer.Where(static weight => weight.DataType is DataType.Int64 or DataType.Float && !weight.RawData.IsEmpty).ToArray() is { Length: > 0 } weights:
                ChangeValue(weights[random.Next(weights.Length)], random);
                break;
            case 9 or 10 or 11 when Pick(node.Attribute, random) is { } setting:
                ChangeSetting(setting, random);
                break;
            case 12 when Pick(node.Attribute, random) is { } setting:
                node.Attribute.Remove(setting);
                break;
            case 13 when graph.Node.Where(static node => node is { OpType: "Cast", Attribute.Count: > 0 }).ToArray() is { Length: > 1 } casts:
                casts[random.Next(casts.Length)].Attribute[0].I = s_types[random.Next(s_types.Length)];
                break;
            case 13 when Pick(graph.Initializer, random) is { } weight:
                weight.DataType = (DataType)s_types[random.Next(s_types.Length)];
                Fill(weight, random);
                break;
            case 14 when node.Input.Count > 0:
                ChangeInput(node, random);
                break;
            case 15:
                model.OpsetImport[0].Version = random.Next(6, 25);
                break;
            default:
                break;
        }

        return model.ToByteArray();
    }

    private static void ChangeRank(TensorShapeProto shape, Random random)
    {
        if (shape.Dim.Count > 0 && random.Next(2) == 0)
            shape.Dim.RemoveAt(random.Next(shape.Dim.Count));
        else
            shape.Dim.Insert(random.Next(shape.Dim.Count + 1), new TensorShapeProto.Types.Dimension { DimParam = "1" });
    }

    private static void ChangeShape(TensorProto weight, Random random)
    {
        if (weight.Dims.Count > 0 && random.Next(3) > 0)
            weight.Dims[random.Next(weight.Dims.Count)] = random.Next(4) == 0 ? 0 : s_lengths[random.Next(s_lengths.Length)];
        else if (weight.Dims.Count > 0 && random.Next(2) == 0)
            weight.Dims.RemoveAt(random.Next(weight.Dims.Count));
        else
            weight.Dims.Insert(random.Next(weight.Dims.Count + 1), s_lengths[random.Next(s_lengths.Length)]);
        Fill(weight, random);
    }

    private static void ChangeValue(TensorProto weight, Random random)
    {
        byte[] bytes = weight.RawData.ToByteArray();
        byte[] value = weight.DataType == DataType.Int64 ? BitConverter.GetBytes(s_integers[random.Next(s_integers.Length)]) : BitConverter.GetBytes(s_floats[random.Next(s_floats.Length)]);
        value.CopyTo(bytes, random.Next(bytes.Length / value.Length) * value.Length);
        weight.RawData = ByteString.CopyFrom(bytes);
    }

    private static void ChangeSetting(AttributeProto setting, Random random)
    {
        switch (setting.Type)
        {
            case AttributeType.Int:
                setting.I = s_integers[random.Next(s_integers.Length)];
                break;
            case AttributeType.Float:
                setting.F = s_floats[random.Next(s_floats.Length)];
                break;
            case AttributeType.String:
                setting.S = ByteString.CopyFromUtf8(s_texts[random.Next(s_texts.Length)]);
                break;
            case AttributeType.Ints when setting.Ints.Count > 0 && random.Next(4) > 0:
                setting.Ints[random.Next(setting.Ints.Count)] = s_integers[random.Next(s_integers.Length)];
                break;
            case AttributeType.Ints when setting.Ints.Count > 0 && random.Next(2) == 0:
                setting.Ints.RemoveAt(random.Next(setting.Ints.Count));
                break;
            case AttributeType.Ints:
                setting.Ints.Insert(random.Next(setting.Ints.Count + 1), s_integers[random.Next(s_integers.Length)]);
                break;
        }
    }

    private static void ChangeInput(NodeProto node, Random random)
    {
        int at = random.Next(node.Input.Count);
        switch (random.Next(3))
        {
            case 0:
                node.Input[at] = node.Input[random.Next(node.Input.Count)];
                break;
            case 1 when at == node.Input.Count - 1:
                node.Input.RemoveAt(at);
                break;
            default:
                node.Input[at] = string.Empty;
                break;
        }
    }

    private static T? Pick<T>(IList<T> list, Random random)
        where T : class => list.Count > 0 ? list[random.Next(list.Count)] : null;

    private static ModelProto Parse(byte[] data) => ModelProto.Parser.ParseFrom(data);
}
