using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Metadata;

/// <summary>Makes small picture files with texts in them, as other tools lay them out.</summary>
internal static class MetadataFiles
{
    private static readonly byte[] s_pngSignature = [0x89, .. "PNG\r\n\u001A\n"u8];

    public static byte[] Png(params byte[][] chunks) =>
        [.. s_pngSignature, .. Chunk("IHDR", [0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]), .. chunks.SelectMany(chunk => chunk), .. Chunk("IDAT", Deflate([0, 1, 2, 3])), .. Chunk("IEND", [])];

    public static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        return [.. BigEndian(data.Length), .. body, .. BigEndian((int)Crc32.HashToUInt32(body))];
    }

    public static byte[] TextChunk(string keyword, string text) => TextChunk(keyword, Encoding.Latin1.GetBytes(text));

    public static byte[] TextChunk(string keyword, byte[] text) => Chunk("tEXt", [.. Encoding.Latin1.GetBytes(keyword), 0, .. text]);

    public static byte[] DeflatedText(string keyword, string text) => Chunk("zTXt", [.. Encoding.Latin1.GetBytes(keyword), 0, 0, .. Deflate(Encoding.Latin1.GetBytes(text))]);

    public static byte[] InternationalText(string keyword, string text, bool isDeflated)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Chunk("iTXt", [.. Encoding.Latin1.GetBytes(keyword), 0, (byte)(isDeflated ? 1 : 0), 0, .. "en"u8, 0, .. "名"u8, 0, .. isDeflated ? Deflate(bytes) : bytes]);
    }

    public static byte[] Deflate(byte[] data)
    {
        using MemoryStream stream = new();
        using (ZLibStream deflater = new(stream, CompressionLevel.Optimal, leaveOpen: true))
            deflater.Write(data);
        return stream.ToArray();
    }

    /// <summary>A JPEG file of the writer's with segments behind its start.</summary>
    public static byte[] Jpeg(params (byte Marker, byte[] Data)[] segments)
    {
        byte[] plain = Encode(ImageFormat.Jpeg);
        return [.. plain[..2], .. segments.SelectMany(segment => Segment(segment.Marker, segment.Data)), .. plain[2..]];
    }

    /// <summary>A WebP file of the writer's with chunks behind its picture.</summary>
    public static byte[] WebP(params (string Type, byte[] Data)[] chunks)
    {
        byte[] plain = Encode(ImageFormat.WebP);
        byte[] file = [.. plain, .. chunks.SelectMany(chunk => RiffChunk(chunk.Type, chunk.Data))];
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), file.Length - 8);
        return file;
    }

    /// <summary>A GIF file of one pixel with comments before it and behind it.</summary>
    public static byte[] Gif(string before, string? behind = null)
    {
        byte[] picture = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 0x01, 0];
        return
        [
            .. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255,
            0x21, 0xFF, 11, .. "NETSCAPE2.0"u8, 3, 1, 0, 0, 0,
            .. Comment(before), .. picture, .. behind is null ? [] : Comment(behind), 0x3B,
        ];
    }

    /// <summary>The boxes of an AVIF file with an EXIF block, as libavif lays them out, about an image of zeros.</summary>
    public static byte[] Avif(byte[] exif)
    {
        byte[] image = new byte[100];
        byte[] item = [0, 0, 0, 6, .. exif];
        byte[] type = Box("ftyp", "avif\0\0\0\0avifmif1"u8);
        byte[] Meta(int start) => Box("meta",
        [
            0, 0, 0, 0,
            .. Box("hdlr", [.. new byte[8], .. "pict"u8, .. new byte[13]]),
            .. Box("iloc", [0, 0, 0, 0, 0x44, 0, 0, 2, .. Place(1, start, image.Length), .. Place(2, start + image.Length, item.Length)]),
            .. Box("iinf", [0, 0, 0, 0, 0, 2, .. Box("infe", [2, 0, 0, 0, 0, 1, 0, 0, .. "av01\0"u8]), .. Box("infe", [2, 0, 0, 0, 0, 2, 0, 0, .. "Exif\0"u8])]),
        ]);
        byte[] meta = Meta(type.Length + Meta(0).Length + 8);
        return [.. type, .. meta, .. Box("mdat", [.. image, .. item])];

        static byte[] Place(int id, int start, int length) => [0, (byte)id, 0, 0, 0, 1, .. BigEndian(start), .. BigEndian(length)];
    }

    /// <summary>An EXIF block with a user comment and, if given, the tag Model.</summary>
    public static byte[] Exif(byte[] comment, bool isBigEndian = true, string? model = null)
    {
        byte[] modelBytes = model is null ? [] : [.. Encoding.UTF8.GetBytes(model), 0];
        List<byte> tiff = [.. isBigEndian ? "MM"u8 : "II"u8];
        void Short(int value) => tiff.AddRange(Ordered(BigEndian(value)[2..]));
        void Long(int value) => tiff.AddRange(Ordered(BigEndian(value)));
        byte[] Ordered(byte[] bytes) => isBigEndian ? bytes : [.. bytes.Reverse()];
        void Entry(int tag, int type, int count, int value)
        {
            Short(tag);
            Short(type);
            Long(count);
            Long(value);
        }

        int entries = model is null ? 1 : 2;
        int exifDirectory = 8 + 2 + (12 * entries) + 4;
        int data = exifDirectory + 2 + 12 + 4;
        Short(42);
        Long(8);
        Short(entries);
        if (model is not null)
            Entry(0x0110, 2, modelBytes.Length, data);
        Entry(0x8769, 4, 1, exifDirectory);
        Long(0);
        Short(1);
        Entry(0x9286, 7, comment.Length, data + modelBytes.Length);
        Long(0);
        return [.. "Exif\0\0"u8, .. tiff, .. modelBytes, .. comment];
    }

    public static byte[] Encode(ImageFormat format, GenerationInfo? info = null) =>
        ImageFile.Encode(new DiffusionImage(8, 8, new byte[8 * 8 * 3], info), format, new ImageWriteOptions());

    private static byte[] Box(string type, ReadOnlySpan<byte> data) => [.. BigEndian(8 + data.Length), .. Encoding.ASCII.GetBytes(type), .. data];

    private static IEnumerable<byte> Segment(byte marker, byte[] data) => [0xFF, marker, (byte)((data.Length + 2) >> 8), (byte)(data.Length + 2), .. data];

    private static byte[] RiffChunk(string type, byte[] data)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, data.Length);
        return [.. Encoding.ASCII.GetBytes(type), .. length, .. data, .. new byte[data.Length & 1]];
    }

    private static IEnumerable<byte> Comment(string text) =>
        [0x21, 0xFE, .. Encoding.UTF8.GetBytes(text).Chunk(255).SelectMany(block => (byte[])[(byte)block.Length, .. block]), 0];

    private static byte[] BigEndian(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
