using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of image files that consist of chunks with a length, whose lengths and checksums are right afterwards.</summary>
internal static class ChunkMutations
{
    private const int ManyTimes = 5000;

    // A case is cut to less than that anyway.
    private const int MostRepeated = 64 << 20;

    /// <summary>Changes of PNG files.</summary>
    public static Mutation Png { get; } = (data, random) => Edit(data, random, ParsePng, WritePng);

    /// <summary>Changes of JPEG files: the segments before the pixels.</summary>
    public static Mutation Jpeg { get; } = (data, random) => Edit(data, random, ParseJpeg, WriteJpeg);

    /// <summary>Changes of WebP files, which are in RIFF's layout.</summary>
    public static Mutation Riff { get; } = (data, random) => Edit(data, random, ParseRiff, WriteRiff);

    /// <summary>Changes of AVIF files: the boxes at the top.</summary>
    public static Mutation Boxes { get; } = (data, random) => Edit(data, random, ParseBoxes, WriteBoxes);

    private static byte[] Edit(byte[] data, Random random, Func<byte[], List<Chunk>> parse, Func<List<Chunk>, byte[]> write)
    {
        List<Chunk> chunks = parse(data);
        if (chunks.Count == 0)
            return ByteMutations.All[random.Next(ByteMutations.All.Count)](data, random);

        int at = random.Next(chunks.Count);
        Chunk chunk = chunks[at];
        switch (random.Next(7))
        {
            case 0:
                chunks.RemoveAt(at);
                break;
            case 1:
                int times = random.Next(16) == 0 ? ManyTimes : random.Next(1, 4);
                chunks.InsertRange(at, Enumerable.Repeat(chunk, Math.Clamp(MostRepeated / Math.Max(1, chunk.Data.Length), 1, times)));
                break;
            case 2:
                chunks[at] = chunk with { Type = chunks[random.Next(chunks.Count)].Type };
                break;
            case 3:
                int other = random.Next(chunks.Count);
                (chunks[at], chunks[other]) = (chunks[other], chunk);
                break;
            default:
                chunks[at] = chunk with { Data = ByteMutations.All[random.Next(ByteMutations.All.Count)](chunk.Data, random) };
                break;
        }

        return write(chunks);
    }

    private static List<Chunk> ParsePng(byte[] data)
    {
        List<Chunk> chunks = [];
        for (int at = 8; at + 12 <= data.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at));
            if (length > data.Length - at - 12)
                break;
            chunks.Add(new Chunk(Encoding.Latin1.GetString(data, at + 4, 4), data[(at + 8)..(at + 8 + (int)length)]));
            at += 12 + (int)length;
        }

        return chunks;
    }

    private static byte[] WritePng(List<Chunk> chunks)
    {
        MemoryStream stream = new();
        stream.Write([0x89, .. "PNG\r\n\u001A\n"u8]);
        foreach (Chunk chunk in chunks)
        {
            byte[] body = [.. Encoding.Latin1.GetBytes(chunk.Type), .. chunk.Data];
            stream.Write(BigEndian(chunk.Data.Length));
            stream.Write(body);
            stream.Write(BigEndian((int)Crc32.HashToUInt32(body)));
        }

        return stream.ToArray();
    }

    private static List<Chunk> ParseJpeg(byte[] data)
    {
        List<Chunk> chunks = [];
        int at = 2;
        while (at + 4 <= data.Length && data[at] == 0xFF)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(at + 2));
            if (length < 2 || at + 2 + length > data.Length)
                break;
            chunks.Add(new Chunk(((char)data[at + 1]).ToString(), data[(at + 4)..(at + 2 + length)]));
            at += 2 + length;
        }

        if (chunks.Count > 0)
            chunks.Add(new Chunk(string.Empty, data[at..]));
        return chunks;
    }

    private static byte[] WriteJpeg(List<Chunk> chunks)
    {
        MemoryStream stream = new();
        stream.Write([0xFF, 0xD8]);
        foreach (Chunk chunk in chunks)
        {
            byte[] data = chunk.Data.Length > ushort.MaxValue - 2 && chunk.Type.Length > 0 ? chunk.Data[..(ushort.MaxValue - 2)] : chunk.Data;
            if (chunk.Type.Length > 0)
                stream.Write([0xFF, (byte)chunk.Type[0], (byte)((data.Length + 2) >> 8), (byte)(data.Length + 2)]);
            stream.Write(data);
        }

        return stream.ToArray();
    }

    private static List<Chunk> ParseRiff(byte[] data)
    {
        List<Chunk> chunks = [];
        for (int at = 12; at + 8 <= data.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(at + 4));
            if (length > data.Length - at - 8)
                break;
            chunks.Add(new Chunk(Encoding.Latin1.GetString(data, at, 4), data[(at + 8)..(at + 8 + (int)length)]));
            at += 8 + (int)length + ((int)length & 1);
        }

        return chunks;
    }

    private static byte[] WriteRiff(List<Chunk> chunks)
    {
        MemoryStream stream = new();
        stream.Write("RIFF\0\0\0\0WEBP"u8);
        foreach (Chunk chunk in chunks)
        {
            stream.Write(Encoding.Latin1.GetBytes(chunk.Type));
            stream.Write(BitConverter.GetBytes(chunk.Data.Length));
            stream.Write(chunk.Data);
            if (chunk.Data.Length % 2 == 1)
                stream.WriteByte(0);
        }

        byte[] file = stream.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), file.Length - 8);
        return file;
    }

    private static List<Chunk> ParseBoxes(byte[] data)
    {
        List<Chunk> chunks = [];
        for (int at = 0; at + 8 <= data.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at));
            if (length < 8 || length > data.Length - at)
                break;
            chunks.Add(new Chunk(Encoding.Latin1.GetString(data, at + 4, 4), data[(at + 8)..(at + (int)length)]));
            at += (int)length;
        }

        return chunks;
    }

    private static byte[] WriteBoxes(List<Chunk> chunks)
    {
        MemoryStream stream = new();
        foreach (Chunk chunk in chunks)
        {
            stream.Write(BigEndian(chunk.Data.Length + 8));
            stream.Write(Encoding.Latin1.GetBytes(chunk.Type));
            stream.Write(chunk.Data);
        }

        return stream.ToArray();
    }

    private static byte[] BigEndian(int value)
    {
        byte[] bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private sealed record Chunk(string Type, byte[] Data);
}
