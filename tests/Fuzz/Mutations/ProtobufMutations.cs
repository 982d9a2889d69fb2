namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of protobuf messages, whose lengths are right afterwards.</summary>
internal static class ProtobufMutations
{
    private const int MaxDepth = 8;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [Change, Change];

    private static byte[] Change(byte[] data, Random random) => Change(data, random, 0);

    private static byte[] Change(byte[] data, Random random, int depth)
    {
        List<Field>? fields = Parse(data);
        if (fields is null || fields.Count == 0)
            return ByteMutations.All[random.Next(ByteMutations.All.Count)](data, random);

        int at = random.Next(fields.Count);
        Field field = fields[at];
        switch (random.Next(8))
        {
            case 0:
                fields.RemoveAt(at);
                break;
            case 1:
                fields.InsertRange(at, Enumerable.Repeat(field, random.Next(8) == 0 ? 1000 : 1));
                break;
            case 2:
                fields[at] = field with { Number = random.Next(1, 32) };
                break;
            case 3:
                fields[random.Next(fields.Count)] = field;
                break;
            case 4 when field.Bytes is not null:
                fields[at] = field with { Bytes = Nested(field, random) };
                break;
            default:
                fields[at] = field.Bytes is null
                    ? field with { Value = (ulong)Hostile.Numbers[random.Next(Hostile.Numbers.Count)] }
                    : field with { Bytes = depth < MaxDepth ? Change(field.Bytes, random, depth + 1) : [] };
                break;
        }

        MemoryStream result = new();
        foreach (Field item in fields)
            item.Write(result);
        return result.ToArray();
    }

    /// <summary>The message in itself, again and again.</summary>
    private static byte[] Nested(Field field, Random random)
    {
        byte[] inner = field.Bytes!;
        for (int depth = random.Next(8) == 0 ? 300 : random.Next(1, 20); depth > 0; depth--)
        {
            MemoryStream outer = new();
            (field with { Bytes = inner }).Write(outer);
            inner = outer.ToArray();
        }

        return inner;
    }

    private static List<Field>? Parse(ReadOnlySpan<byte> data)
    {
        List<Field> fields = [];
        while (!data.IsEmpty)
        {
            if (!TryVarint(ref data, out ulong tag) || tag >> 3 is 0 or > int.MaxValue)
                return null;

            int number = (int)(tag >> 3);
            int length;
            switch (tag & 7)
            {
                case 0 when TryVarint(ref data, out ulong value):
                    fields.Add(new Field(number, 0, value, null));
                    continue;
                case 2 when TryVarint(ref data, out ulong count) && count <= (ulong)data.Length:
                    length = (int)count;
                    fields.Add(new Field(number, 2, 0, data[..length].ToArray()));
                    break;
                case 1 when data.Length >= 8:
                    length = 8;
                    fields.Add(new Field(number, 1, 0, data[..length].ToArray()));
                    break;
                case 5 when data.Length >= 4:
                    length = 4;
                    fields.Add(new Field(number, 5, 0, data[..length].ToArray()));
                    break;
                default:
                    return null;
            }

            data = data[length..];
        }

        return fields;
    }

    private static bool TryVarint(ref ReadOnlySpan<byte> data, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(data.Length, 10); i++)
        {
            value |= (ulong)(data[i] & 127) << (7 * i);
            if (data[i] < 128)
            {
                data = data[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    private sealed record Field(int Number, int Wire, ulong Value, byte[]? Bytes)
    {
        public void Write(MemoryStream stream)
        {
            Varint(stream, ((ulong)Number << 3) | (uint)Wire);
            if (Bytes is null)
                Varint(stream, Value);
            if (Wire == 2)
                Varint(stream, (ulong)Bytes!.Length);
            stream.Write(Bytes);
        }

        private static void Varint(MemoryStream stream, ulong value)
        {
            for (; value > 127; value >>= 7)
                stream.WriteByte((byte)(value | 128));
            stream.WriteByte((byte)value);
        }
    }
}
