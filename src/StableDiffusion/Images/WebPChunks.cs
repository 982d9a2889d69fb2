using System.Buffers.Binary;
using SixLabors.ImageSharp;

namespace StableDiffusion.Images;

/// <summary>The chunks of a WebP file. Source: WebP container specification (RFC 9649), section 2.</summary>
internal static class WebPChunks
{
    /// <summary>The length of the type and the size of a chunk, in bytes.</summary>
    public const int HeaderSize = 8;

    private const int FileHeaderSize = 12;
    private const int FrameHeaderSize = 16;
    private const byte ExifFlag = 0x08;
    private const byte XmpFlag = 0x04;
    private const byte AlphaFlag = 0x10;

    /// <summary>The chunks of a file, without the file header.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <returns>All chunks.</returns>
    public static ReadOnlySpan<byte> All(ReadOnlySpan<byte> webp) => webp[FileHeaderSize..];

    /// <summary>Reads the next chunk.</summary>
    /// <param name="rest">The remaining chunks; set to those after the chunk that is read.</param>
    /// <param name="type">The four letters of its type.</param>
    /// <param name="data">Its data.</param>
    /// <returns>False if there is no complete chunk left.</returns>
    public static bool TryTake(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data)
    {
        type = data = default;
        if (rest.Length < HeaderSize)
            return false;

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
        if (length > rest.Length - HeaderSize)
            return false;

        // Each chunk begins at an even offset.
        type = rest[..4];
        data = rest.Slice(HeaderSize, (int)length);
        rest = rest[Math.Min(HeaderSize + (int)length + ((int)length & 1), rest.Length)..];
        return true;
    }

    /// <summary>Finds the first chunk of a type.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <param name="wanted">The type's four letters.</param>
    /// <param name="data">The data of the chunk.</param>
    /// <returns>False if there is no such chunk, or if the file is damaged before it.</returns>
    public static bool TryFind(ReadOnlySpan<byte> webp, ReadOnlySpan<byte> wanted, out ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> rest = All(webp);
        while (TryTake(ref rest, out ReadOnlySpan<byte> type, out data))
        {
            if (type.SequenceEqual(wanted))
                return true;
        }

        data = default;
        return false;
    }

    /// <summary>Whether all chunks of a file are complete.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <returns>False if the file is truncated.</returns>
    public static bool IsWhole(ReadOnlySpan<byte> webp)
    {
        ReadOnlySpan<byte> rest = All(webp);
        while (TryTake(ref rest, out _, out _))
        {
        }

        return rest.IsEmpty;
    }

    /// <summary>Extracts the image, or the first frame of an animation, which the image library cannot read.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <param name="frame">The position of the image on the canvas, and its size as the container says; empty if it does not.</param>
    /// <param name="canvas">The size of the animation; empty if the file is not one.</param>
    /// <returns>A file with only that image, so that the image library sees one image and one channel of transparency; null if there is none.</returns>
    public static byte[]? Image(ReadOnlySpan<byte> webp, out Rectangle frame, out Size canvas)
    {
        (frame, canvas) = (default, default);
        ReadOnlySpan<byte> rest = All(webp);
        while (TryTake(ref rest, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data))
        {
            if (type.SequenceEqual("VP8X"u8) && data.Length >= 10)
                canvas = new Size(ReadUInt24(data[4..]) + 1, ReadUInt24(data[7..]) + 1);
            if (!type.SequenceEqual("ANMF"u8) || data.Length < FrameHeaderSize)
                continue;

            frame = new Rectangle(2 * ReadUInt24(data), 2 * ReadUInt24(data[3..]), ReadUInt24(data[6..]) + 1, ReadUInt24(data[9..]) + 1);
            return OnlyImage(data[FrameHeaderSize..]);
        }

        frame = new Rectangle(Point.Empty, canvas);
        canvas = default;
        return OnlyImage(All(webp));
    }

    private static byte[]? OnlyImage(ReadOnlySpan<byte> chunks)
    {
        byte[] alpha = [];
        while (TryTake(ref chunks, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data))
        {
            if (type.SequenceEqual("ALPH"u8) && alpha.Length == 0)
                alpha = Chunk("ALPH"u8, data);
            else if (type.SequenceEqual("VP8 "u8))
                return Wrap([.. alpha, .. Chunk("VP8 "u8, data)], alpha.Length > 0 ? AlphaFlag : (byte)0, new Size(1, 1));
            else if (type.SequenceEqual("VP8L"u8))
                return Wrap(Chunk("VP8L"u8, data), 0, new Size(1, 1));
        }

        return null;
    }

    /// <summary>Adds an EXIF block and an XMP packet to the file of a still image.</summary>
    /// <param name="webp">The file's bytes, from the encoder.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="exif">The block; empty for none.</param>
    /// <param name="xmp">The packet; empty for none.</param>
    /// <returns>The file's bytes.</returns>
    public static byte[] AddMetadata(byte[] webp, Size size, ReadOnlySpan<byte> exif, ReadOnlySpan<byte> xmp)
    {
        if (exif.IsEmpty && xmp.IsEmpty)
            return webp;

        byte flags = (byte)((exif.IsEmpty ? 0 : ExifFlag) | (xmp.IsEmpty ? 0 : XmpFlag));
        return Wrap([.. All(webp), .. Chunk("EXIF"u8, exif), .. Chunk("XMP "u8, xmp)], flags, size);
    }

    private static byte[] Wrap(ReadOnlySpan<byte> chunks, byte flags, Size size)
    {
        byte[] header = new byte[10];
        header[0] = flags;
        WriteUInt24(header.AsSpan(4), size.Width - 1);
        WriteUInt24(header.AsSpan(7), size.Height - 1);
        return Chunk("RIFF"u8, [.. "WEBP"u8, .. Chunk("VP8X"u8, header), .. chunks]);
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return [];

        byte[] chunk = new byte[HeaderSize + data.Length + (data.Length & 1)];
        type.CopyTo(chunk);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), data.Length);
        data.CopyTo(chunk.AsSpan(HeaderSize));
        return chunk;
    }

    private static int ReadUInt24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);

    private static void WriteUInt24(Span<byte> bytes, int value) => (bytes[0], bytes[1], bytes[2]) = ((byte)value, (byte)(value >> 8), (byte)(value >> 16));
}
