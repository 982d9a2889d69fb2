using System.Buffers.Binary;
using System.Collections;
using System.Numerics;
using System.Text;

namespace StableDiffusion.Tests.Tensors.Torch;

/// <summary>A function or class that a pickle names.</summary>
internal sealed record PickledName(string Module, string Name);

/// <summary>A call that a pickle makes (REDUCE).</summary>
internal sealed record PickledCall(PickledName Function, params object?[] Arguments);

/// <summary>A value that lies outside of the pickle (BINPERSID).</summary>
internal sealed record PickledId(object?[] Id);

/// <summary>A dictionary with its keys in order, written as <c>collections.OrderedDict</c> if so wished.</summary>
internal sealed class PickledDictionary(bool ordered = false) : IEnumerable
{
    public bool Ordered => ordered;

    public List<(object? Key, object? Value)> Entries { get; } = [];

    public void Add(object? key, object? value) => Entries.Add((key, value));

    public IEnumerator GetEnumerator() => Entries.GetEnumerator();
}

/// <summary>
/// Writes pickles as Python does, and single opcodes as it would never. Arrays are tuples, other lists are lists.
/// </summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();
    private readonly Dictionary<object, int> _memo = new(ReferenceEqualityComparer.Instance);
    private readonly int _protocol;
    private int _count;

    public PickleWriter(int protocol = 2)
    {
        _protocol = protocol;
        Raw(0x80, (byte)protocol);
    }

    public static byte[] Dump(object? value, int protocol = 2) => new PickleWriter(protocol).Value(value).Stop();

    public PickleWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleWriter Raw(string ascii) => Raw(Encoding.ASCII.GetBytes(ascii));

    public byte[] Stop() => Raw(".").Bytes();

    public byte[] Bytes() => _bytes.ToArray();

    public PickleWriter Name(string module, string name) => _protocol >= 4
        ? Text(module).Text(name).Raw(0x93)
        : Raw($"c{module}\n{name}\n");

    public PickleWriter Value(object? value)
    {
        if (value is not null && _memo.TryGetValue(value, out int index))
            return Raw("j").Number(index);

        switch (value)
        {
            case null:
                return Raw("N");
            case bool truth:
                return Raw(truth ? (byte)0x88 : (byte)0x89);
            case int number:
                return Raw("J").Number(number);
            case long number:
                return Long(number);
            case BigInteger number:
                return Long(number);
            case double number:
                byte[] big = new byte[8];
                BinaryPrimitives.WriteDoubleBigEndian(big, number);
                return Raw("G").Raw(big);
            case string text:
                return Text(text).Remember(text);
            case byte[] bytes:
                return Raw("B").Number(bytes.Length).Raw(bytes);
            case PickledName name:
                return Name(name.Module, name.Name).Remember(name);
            case PickledCall call:
                return Value(call.Function).Value(call.Arguments).Raw("R").Remember(call);
            case PickledId id:
                return Value(id.Id).Raw("Q");
            case PickledDictionary dictionary:
                if (dictionary.Ordered)
                    Name("collections", "OrderedDict").Raw(")R");
                else
                    Raw("}");
                Remember(dictionary).Raw("(");
                foreach ((object? key, object? item) in dictionary.Entries)
                    Value(key).Value(item);
                return Raw("u");
            case object?[] tuple:
                Raw("(");
                foreach (object? item in tuple)
                    Value(item);
                return Raw("t").Remember(tuple);
            case IEnumerable list:
                Raw("]").Remember(list).Raw("(");
                foreach (object? item in list)
                    Value(item);
                return Raw("e");
            default:
                throw new ArgumentException($"{value.GetType()} cannot be pickled.", nameof(value));
        }
    }

    public PickleWriter Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return _protocol >= 4 && bytes.Length < 256 ? Raw(0x8c, (byte)bytes.Length).Raw(bytes) : Raw("X").Number(bytes.Length).Raw(bytes);
    }

    public PickleWriter Number(int number)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return Raw(bytes);
    }

    public PickleWriter Number(long number)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return Raw(bytes);
    }

    private PickleWriter Long(BigInteger number)
    {
        byte[] bytes = number.IsZero ? [] : number.ToByteArray();
        return Raw(0x8a, (byte)bytes.Length).Raw(bytes);
    }

    private PickleWriter Remember(object value)
    {
        _memo.TryAdd(value, _count);
        return _protocol >= 4 ? Raw(0x94).Counted() : Raw("r").Number(_count).Counted();
    }

    private PickleWriter Counted()
    {
        _count++;
        return this;
    }
}
