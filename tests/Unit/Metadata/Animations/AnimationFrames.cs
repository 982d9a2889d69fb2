using System.Buffers.Binary;
using System.IO.Hashing;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Metadata.Animations;

/// <summary>The frames of animations, read by what the specifications say and without the code that writes them.</summary>
/// <param name="Images">The images.</param>
/// <param name="Delays">How long each is shown, in milliseconds.</param>
/// <param name="Plays">How many times they are played; 0 for no end.</param>
internal sealed record AnimationFrames(IReadOnlyList<DiffusionImage> Images, IReadOnlyList<int> Delays, int Plays)
{
    private static readonly byte[] s_signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>Reads an animated PNG file: each frame becomes a file of its own.</summary>
    public static AnimationFrames ReadPng(byte[] file)
    {
        Assert.Equal(s_signature, file[..8]);
        List<(string Type, byte[] Data)> chunks = [];
        for (int at = 8; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            Assert.Equal(Crc32.HashToUInt32(file.AsSpan(at + 4, length + 4)), BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at + 8 + length)));
            chunks.Add((System.Text.Encoding.ASCII.GetString(file, at + 4, 4), file[(at + 8)..(at + 8 + length)]));
            at += 12 + length;
        }

        Assert.Equal(("IHDR", "acTL", "IEND"), (chunks[0].Type, chunks[1].Type, chunks[^1].Type));
        List<List<byte[]>> pixels = [];
        List<int> delays = [];
        int sequence = 0;
        foreach ((string type, byte[] data) in chunks)
        {
            if (type is "fcTL" or "fdAT")
                Assert.Equal(sequence++, BinaryPrimitives.ReadInt32BigEndian(data));
            switch (type)
            {
                case "fcTL":
                    Assert.Equal(26, data.Length);
                    Assert.Equal(chunks[0].Data[..8], data[4..12]);
                    Assert.All(data[12..20], static zero => Assert.Equal(0, zero));
                    Assert.Equal([0, 0], data[24..]);
                    Assert.Equal(1000, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(22)));
                    delays.Add(BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(20)));
                    pixels.Add([]);
                    break;
                case "IDAT":
                    Assert.Single(pixels);
                    pixels[^1].Add(data);
                    break;
                case "fdAT":
                    Assert.True(pixels.Count > 1);
                    pixels[^1].Add(data[4..]);
                    break;
            }
        }

        Assert.Equal(pixels.Count, BinaryPrimitives.ReadInt32BigEndian(chunks[1].Data));
        return new AnimationFrames([.. pixels.Select(parts => Read([.. s_signature, .. Chunk("IHDR", chunks[0].Data), .. parts.SelectMany(static part => Chunk("IDAT", part)), .. Chunk("IEND", [])]))], delays, BinaryPrimitives.ReadInt32BigEndian(chunks[1].Data.AsSpan(4)));
    }

    /// <summary>Reads an animated GIF file whose frames are as large as the whole.</summary>
    public static AnimationFrames ReadGif(byte[] file)
    {
        Assert.Equal("GIF89a"u8.ToArray(), file[..6]);
        int width = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(6)), height = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(8)), plays = 1, at = 13;
        Assert.Equal(0, file[10] & 0x80);
        List<DiffusionImage> images = [];
        List<int> delays = [];
        while (file[at] != 0x3B)
        {
            if (file[at] == 0x21)
            {
                byte label = file[at + 1];
                byte[] data = Blocks(at += 2);
                if (label == 0xF9)
                    delays.Add(BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(1)) * 10);
                else if (label == 0xFF && data.AsSpan().StartsWith("NETSCAPE2.0"u8))
                    plays = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(12)) is ushort repeats and > 0 ? repeats + 1 : 0;
                continue;
            }

            Assert.Equal(0x2C, file[at]);
            Assert.Equal([0, 0, 0, 0, file[6], file[7], file[8], file[9]], file[(at + 1)..(at + 9)]);
            Assert.Equal(0x80, file[at + 9] & 0xC0);
            int colors = 3 << ((file[at + 9] & 7) + 1);
            byte[] table = file[(at + 10)..(at + 10 + colors)];
            int codeSize = file[at + 10 + colors];
            byte[] indices = Unpack(Blocks(at += 11 + colors), codeSize, width * height);
            images.Add(new DiffusionImage(width, height, [.. indices.SelectMany(index => table[(index * 3)..((index * 3) + 3)])]));
        }

        Assert.Equal(file.Length - 1, at);
        Assert.Equal(images.Count, delays.Count);
        return new AnimationFrames(images, delays, plays);

        byte[] Blocks(int start)
        {
            List<byte> data = [];
            for (; file[start] != 0; start += 1 + file[start])
                data.AddRange(file[(start + 1)..(start + 1 + file[start])]);
            at = start + 1;
            return [.. data];
        }
    }

    // The variable-length codes of GIF89a, appendix F.
    private static byte[] Unpack(byte[] data, int codeSize, int length)
    {
        int clear = 1 << codeSize, bits = codeSize + 1, position = 0;
        List<byte[]> table = [];
        List<byte> result = [];
        byte[]? previous = null;
        while (true)
        {
            int code = 0;
            for (int i = 0; i < bits; i++, position++)
                code |= ((data[position >> 3] >> (position & 7)) & 1) << i;
            if (code == clear)
            {
                table = [.. Enumerable.Range(0, clear).Select(static i => (byte[])[(byte)i]), [], []];
                (bits, previous) = (codeSize + 1, null);
                continue;
            }

            if (code == clear + 1)
                break;
            byte[] entry = code < table.Count ? table[code] : [.. previous!, previous![0]];
            result.AddRange(entry);
            if (previous is not null && table.Count < 4096)
                table.Add([.. previous, entry[0]]);
            if (table.Count == 1 << bits && bits < 12)
                bits++;
            previous = entry;
        }

        Assert.Equal(length, result.Count);
        return [.. result];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data], numbers = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(numbers, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(numbers.AsSpan(4), Crc32.HashToUInt32(body));
        return [.. numbers[..4], .. body, .. numbers[4..]];
    }

    private static DiffusionImage Read(byte[] png)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["frame.png"], png);
        return ImageFile.Read(folder["frame.png"]);
    }
}
