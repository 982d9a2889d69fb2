using System.Buffers.Binary;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes that know nothing of the format.</summary>
internal static class ByteMutations
{
    private const int LongestSpan = 256;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [Flip, Set, Overwrite, WriteNumber, WriteNumber, Cut, Delete, Duplicate, Insert, Swap];

    /// <summary>Joins the start of a case and the end of another.</summary>
    public static byte[] Splice(byte[] first, byte[] second, Random random) =>
        [.. first.AsSpan(0, random.Next(first.Length + 1)), .. second.AsSpan(random.Next(second.Length + 1))];

    /// <summary>Chooses a position: anywhere, or often near the start or the end, where formats have their structure.</summary>
    public static int Position(int length, Random random) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(length, 64)),
        1 => length - 1 - random.Next(Math.Min(length, 64)),
        _ => random.Next(length),
    };

    private static byte[] Flip(byte[] data, Random random) => Change(data, random, (bytes, at) => bytes[at] ^= (byte)(1 << random.Next(8)));

    private static byte[] Set(byte[] data, Random random) => Change(data, random, (bytes, at) => bytes[at] = (byte)random.Next(256));

    private static byte[] Change(byte[] data, Random random, Action<byte[], int> change)
    {
        byte[] bytes = [.. data];
        for (int count = bytes.Length == 0 ? 0 : random.Next(1, 8); count > 0; count--)
            change(bytes, Position(bytes.Length, random));
        return bytes;
    }

    private static byte[] Overwrite(byte[] data, Random random)
    {
        byte[] bytes = [.. data];
        Span<byte> span = Span(bytes, random);
        if (random.Next(2) == 0)
            random.NextBytes(span);
        else
            span.Fill(random.Next(2) == 0 ? (byte)0 : (byte)255);
        return bytes;
    }

    private static byte[] WriteNumber(byte[] data, Random random)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        long value = Hostile.Numbers[random.Next(Hostile.Numbers.Count)];
        int size = 1 << random.Next(4);
        if (data.Length < size)
            return data;

        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            number = number[..size];
        }
        else
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            number = number[^size..];
        }

        byte[] bytes = [.. data];
        int at = Math.Min(Position(bytes.Length, random), bytes.Length - size);
        number.CopyTo(bytes.AsSpan(random.Next(2) == 0 ? at : at & ~1));
        return bytes;
    }

    private static byte[] Cut(byte[] data, Random random) => data[..random.Next(data.Length + 1)];

    private static byte[] Delete(byte[] data, Random random)
    {
        (int start, int length) = Range(data, random);
        return [.. data.AsSpan(0, start), .. data.AsSpan(start + length)];
    }

    private static byte[] Duplicate(byte[] data, Random random)
    {
        (int start, int length) = Range(data, random);
        int times = random.Next(8) == 0 ? random.Next(2, 200) : 1;
        return [.. data.AsSpan(0, start), .. Enumerable.Repeat(data.AsMemory(start, length), times).SelectMany(span => span.ToArray()), .. data.AsSpan(start)];
    }

    private static byte[] Insert(byte[] data, Random random)
    {
        byte[] added = new byte[random.Next(1, 32)];
        random.NextBytes(added);
        int at = random.Next(data.Length + 1);
        return [.. data.AsSpan(0, at), .. added, .. data.AsSpan(at)];
    }

    private static byte[] Swap(byte[] data, Random random)
    {
        (int start, int length) = Range(data, random);
        (int other, _) = Range(data, random);
        byte[] bytes = [.. data];
        length = Math.Min(length, bytes.Length - other);
        data.AsSpan(start, length).CopyTo(bytes.AsSpan(other));
        return bytes;
    }

    private static Span<byte> Span(byte[] bytes, Random random)
    {
        (int start, int length) = Range(bytes, random);
        return bytes.AsSpan(start, length);
    }

    private static (int Start, int Length) Range(byte[] data, Random random)
    {
        if (data.Length == 0)
            return (0, 0);

        int start = Position(data.Length, random);
        int longest = random.Next(8) == 0 ? data.Length : LongestSpan;
        return (start, random.Next(1, Math.Min(longest, data.Length - start) + 1));
    }
}
