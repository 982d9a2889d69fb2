using System.Runtime.InteropServices;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Storage;

namespace StableDiffusion.Onnx.Checks;

/// <summary>What <see cref="GraphCheck"/> needs to know of a tensor in a graph: where its bytes are and, of a short one, its values.</summary>
internal sealed class GraphTensor
{
    private const int LongestName = 4096;

    private const int MostValues = GraphConstant.MostValues;

    // The fields of the format that hold values, by their numbers.
    private const int FloatField = 4;
    private const int IntegerField = 5;
    private const int TextField = 6;
    private const int LongField = 7;
    private const int RawField = 9;
    private const int DoubleField = 10;
    private const int UnsignedField = 11;

    private readonly ProtobufReader _reader;
    private readonly List<double> _numbers = [];
    private readonly List<double> _shape = [];
    private byte[] _raw = [];

    // The field of the format that holds the values.
    private int? _place;
    private bool _isKnown = true;

    /// <summary>Reads a tensor.</summary>
    /// <param name="reader">The file, at the start of the tensor.</param>
    /// <param name="end">Where the tensor ends.</param>
    public GraphTensor(ProtobufReader reader, long end)
    {
        _reader = reader;
        reader.ReadFields(end, ReadField);
    }

    /// <summary>The length of each axis.</summary>
    public double[] Shape => [.. _shape];

    /// <summary>The number of its type in the format.</summary>
    public int Type { get; private set; }

    /// <summary>The number of bytes by its shape and type; null if the type has no fixed size.</summary>
    public double? Length => BitsOf(Type) is int bits ? Math.Ceiling(_shape.Aggregate(1d, static (product, length) => product * length) * bits / 8) : null;

    /// <summary>The number of bytes that the graph holds of it; null if they are elsewhere or in another form.</summary>
    public long? RawLength { get; private set; }

    public string Name { get; private set; } = string.Empty;

    /// <summary>The entries about another file that holds the bytes; empty if there is none.</summary>
    public List<(string Key, string Value)> External { get; } = [];

    /// <summary>The values of a short tensor of numbers; null of others.</summary>
    public double[]? Values => External.Count == 0 && ReadValues() is double[] values && values.Length == GraphConstant.Product(Shape) ? values : null;

    /// <summary>What is known of it as a constant.</summary>
    public GraphConstant Constant => new(Shape, Values, FloatValues.IsFloat(Type));

    // ONNX Runtime takes the values from the raw bytes if there are any, otherwise from the field that is meant for the type.
    private double[]? ReadValues() => (TensorProto.Types.DataType)Type switch
    {
        _ when GraphConstant.Product(Shape) == 0 => [],
        _ when !_isKnown => null,
        TensorProto.Types.DataType.Float when _place == FloatField => [.. _numbers],
        TensorProto.Types.DataType.Int64 when _place == LongField => [.. _numbers],
        TensorProto.Types.DataType.Int32 when _place == IntegerField => [.. _numbers],
        TensorProto.Types.DataType.Bool when _place == IntegerField => [.. _numbers.Select(static value => value != 0 ? 1d : 0d)],
        TensorProto.Types.DataType.Bool when _place == RawField => [.. _raw.Select(static value => (double)value)],
        TensorProto.Types.DataType.Int64 when _place == RawField && _raw.Length % sizeof(long) == 0 => [.. MemoryMarshal.Cast<byte, long>(_raw).ToArray().Select(static value => (double)value)],
        TensorProto.Types.DataType.Int32 when _place == RawField && _raw.Length % sizeof(int) == 0 => [.. MemoryMarshal.Cast<byte, int>(_raw).ToArray().Select(static value => (double)value)],
        TensorProto.Types.DataType.Float when _place == RawField && _raw.Length % sizeof(float) == 0 => [.. MemoryMarshal.Cast<byte, float>(_raw).ToArray().Select(static value => (double)value)],
        _ => null,
    };

    private bool ReadField(int field, ProtobufReader.Wire wire, long end)
    {
        switch (field, wire)
        {
            case (1, ProtobufReader.Wire.Varint or ProtobufReader.Wire.Length):
                _reader.ReadNumbers(wire, end, _shape);
                return true;
            case (2, ProtobufReader.Wire.Varint):
                Type = _reader.ReadInteger();
                return true;
            case (8, ProtobufReader.Wire.Length):
                Name = _reader.ReadText(end, LongestName);
                return true;
            case (FloatField or IntegerField or TextField or LongField or RawField or DoubleField or UnsignedField, _):
                return ReadValues(field, wire, end);
            case (13, ProtobufReader.Wire.Length):
                ReadEntry(end);
                return true;
            default:
                return false;
        }
    }

    private bool ReadValues(int field, ProtobufReader.Wire wire, long end)
    {
        // Of several fields, ONNX Runtime takes one.
        if ((_place is not null && _place != field) || (field == RawField && RawLength is not null))
            throw new InvalidDataException($"the weight '{ModelFilePath.Printable(Name)}' has its values twice");
        _place = field;
        switch (field, wire)
        {
            case (LongField, ProtobufReader.Wire.Length) when end - _reader.Position <= MostValues:
            case (LongField, ProtobufReader.Wire.Varint) when _numbers.Count < MostValues:
                _reader.ReadNumbers(wire, end, _numbers);
                return true;
            case (IntegerField, ProtobufReader.Wire.Length) when end - _reader.Position <= MostValues:
            case (IntegerField, ProtobufReader.Wire.Varint) when _numbers.Count < MostValues:
                _reader.ReadIntegers(wire, end, _numbers);
                return true;
            case (FloatField, ProtobufReader.Wire.Length) when end - _reader.Position <= MostValues * sizeof(float):
            case (FloatField, ProtobufReader.Wire.Fixed32) when _numbers.Count < MostValues:
                _reader.ReadFloats(end, _numbers);
                return true;
            case (RawField, ProtobufReader.Wire.Length):
                RawLength = end - _reader.Position;
                _isKnown = RawLength <= MostValues * sizeof(long);
                if (_isKnown)
                    _raw = _reader.ReadBytes(end, MostValues * sizeof(long));
                return _isKnown;
            default:
                _isKnown = false;
                return false;
        }
    }

    // The types of the format; texts have no size.
    private static int? BitsOf(int type) => type switch
    {
        21 or 22 or 23 => 4,
        2 or 3 or 9 or 17 or 18 or 19 or 20 => 8,
        4 or 5 or 10 or 16 => 16,
        1 or 6 or 12 => 32,
        7 or 11 or 13 or 14 => 64,
        15 => 128,
        _ => null,
    };

    private void ReadEntry(long end)
    {
        string key = string.Empty, value = string.Empty;
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            if (wire != ProtobufReader.Wire.Length || field is not (1 or 2))
                return false;
            string text = _reader.ReadText(fieldEnd, LongestName);
            if (field == 1)
                key = text;
            else
                value = text;
            return true;
        });
        External.Add((key, value));
    }
}
