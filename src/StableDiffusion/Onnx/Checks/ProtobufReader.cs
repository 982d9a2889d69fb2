using System.Buffers.Binary;
using System.Text;

namespace StableDiffusion.Onnx.Checks;

/// <summary>
/// Walks through a file of protobuf messages without reading what it is not asked for, such as gigabytes of weights: the
/// protobuf library reads all of a message into memory. Source: https://protobuf.dev/programming-guides/encoding.
/// </summary>
/// <param name="stream">The file, which must support seeking.</param>
internal sealed class ProtobufReader(Stream stream)
{
    // The largest U-Nets have a twentieth of that.
    private const int MostFields = 5_000_000;

    // Weights are not among them.
    private const int MostNumbers = 2_000_000;

    private int _fields;
    private int _numbers;

    /// <summary>How a field is stored.</summary>
    internal enum Wire
    {
        Varint = 0,
        Fixed64 = 1,
        Length = 2,
        Fixed32 = 5,
    }

    public long Position => stream.Position;

    public long Length { get; } = stream.Length;

    /// <summary>Calls a function for each field of a message. Fields that it returns false for, having read nothing of them, are skipped.</summary>
    /// <param name="end">Where the message ends.</param>
    /// <param name="read">Reads a field from its number, how it is stored, and where it ends if it has a length.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public void ReadFields(long end, Func<int, Wire, long, bool> read)
    {
        while (Position < end)
        {
            if (++_fields > MostFields)
                throw new InvalidDataException($"it has more than {MostFields} fields");

            ulong tag = ReadVarint();
            Wire wire = (Wire)(tag & 7);
            if (tag >> 3 is 0 or > int.MaxValue >> 2 || !Enum.IsDefined(wire))
                throw new InvalidDataException($"unknown data at byte {Position}");

            long fieldEnd = wire switch
            {
                Wire.Fixed64 => Position + sizeof(long),
                Wire.Fixed32 => Position + sizeof(int),
                Wire.Length => ReadEnd(),
                _ => 0,
            };
            if (fieldEnd > end)
                throw new InvalidDataException($"it ends in the middle of a field, at byte {Position}");
            if (!read((int)(tag >> 3), wire, fieldEnd) && wire == Wire.Varint)
                ReadVarint();
            if (wire != Wire.Varint && Position != fieldEnd)
                stream.Position = fieldEnd;
        }

        if (Position != end)
            throw new InvalidDataException($"a message is longer than it says, at byte {Position}");
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = stream.ReadByte();
            if (next < 0)
                throw new InvalidDataException("it ends too early");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw new InvalidDataException($"unknown data at byte {Position}");
    }

    /// <summary>Reads a 32-bit integer. Protobuf ignores its upper bits: -1 may be written as 4294967295.</summary>
    public int ReadInteger() => (int)ReadVarint();

    /// <summary>Reads the 64-bit integers of a repeated field, which are stored one by one or together.</summary>
    /// <param name="wire">How the field is stored.</param>
    /// <param name="end">Where it ends, if it has a length.</param>
    /// <param name="numbers">Receives them.</param>
    public void ReadNumbers(Wire wire, long end, List<double> numbers) => ReadAll(wire, end, numbers, () => (long)ReadVarint());

    /// <summary>Reads the 32-bit integers of a repeated field, which are stored one by one or together.</summary>
    /// <inheritdoc cref="ReadNumbers"/>
    public void ReadIntegers(Wire wire, long end, List<double> numbers) => ReadAll(wire, end, numbers, () => ReadInteger());

    /// <summary>Reads the floating-point numbers of a field, which are stored one by one or together.</summary>
    /// <param name="end">Where it ends.</param>
    /// <param name="numbers">Receives them.</param>
    public void ReadFloats(long end, List<double> numbers)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        while (Position + sizeof(float) <= end)
        {
            stream.ReadExactly(bytes);
            Add(numbers, BinaryPrimitives.ReadSingleLittleEndian(bytes));
        }
    }

    /// <summary>Reads the rest of a field as bytes.</summary>
    /// <param name="end">Where it ends.</param>
    /// <param name="limit">The greatest permitted number of bytes.</param>
    public byte[] ReadBytes(long end, int limit)
    {
        if (end - Position > limit)
            throw new InvalidDataException($"a name at byte {Position} has more than {limit} characters");

        byte[] bytes = new byte[end - Position];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads the rest of a field as text.</summary>
    /// <inheritdoc cref="ReadBytes"/>
    public string ReadText(long end, int limit) => Encoding.UTF8.GetString(ReadBytes(end, limit));

    private void ReadAll(Wire wire, long end, List<double> numbers, Func<double> read)
    {
        if (wire == Wire.Varint)
            Add(numbers, read());
        while (wire != Wire.Varint && Position < end)
            Add(numbers, read());
    }

    private void Add(List<double> numbers, double number)
    {
        if (++_numbers > MostNumbers)
            throw new InvalidDataException($"its settings have more than {MostNumbers} numbers");
        numbers.Add(number);
    }

    private long ReadEnd()
    {
        ulong length = ReadVarint();
        return length <= int.MaxValue ? Position + (long)length : throw new InvalidDataException($"a field at byte {Position} is too long");
    }
}
