using System.Buffers.Binary;
using System.IO.Hashing;

namespace StableDiffusion.Images.Animations;

/// <summary>Animated PNG: the pixels of each frame are those of a PNG file. Source: PNG specification, third edition (W3C), sections 11.3.2.3 to 11.3.2.5.</summary>
internal sealed class PngAnimation : AnimationEncoder
{
    private const ushort MillisecondsPerSecond = 1000;

    private static readonly byte[] s_signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static readonly ImageWriteOptions s_options = new();

    // Chunks for control and for pixels are numbered together, from the first on.
    private int _sequence;
    private byte[] _header = [];

    /// <inheritdoc/>
    public override int LongestSide => int.MaxValue;

    /// <inheritdoc/>
    public override byte[] EncodeFrame(DiffusionImage frame, int delay, CancellationToken cancellationToken)
    {
        bool isFirst = _sequence == 0;
        using MemoryStream bytes = new();
        Span<byte> control = stackalloc byte[26];
        control.Clear();
        BinaryPrimitives.WriteInt32BigEndian(control, _sequence++);
        BinaryPrimitives.WriteInt32BigEndian(control[4..], frame.Width);
        BinaryPrimitives.WriteInt32BigEndian(control[8..], frame.Height);
        BinaryPrimitives.WriteUInt16BigEndian(control[20..], (ushort)delay);
        BinaryPrimitives.WriteUInt16BigEndian(control[22..], MillisecondsPerSecond);
        Write(bytes, "fcTL"u8, control);

        byte[] png = ImageEncoder.Encode(frame, ImageFormat.Png, s_options, ImageTexts.None, cancellationToken);
        ReadOnlySpan<byte> rest = PngChunk.All(png);
        while (PngChunk.TryTake(ref rest, out PngChunk chunk))
        {
            if (chunk.Type.SequenceEqual("IHDR"u8))
                _header = chunk.Data.ToArray();
            else if (chunk.Type.SequenceEqual("IDAT"u8))
                WritePixels(chunk.Data);
        }

        return bytes.ToArray();

        // The first frame is the image of programs that know no animations.
        void WritePixels(ReadOnlySpan<byte> data)
        {
            if (isFirst)
            {
                Write(bytes, "IDAT"u8, data);
                return;
            }

            byte[] numbered = new byte[sizeof(int) + data.Length];
            BinaryPrimitives.WriteInt32BigEndian(numbered, _sequence++);
            data.CopyTo(numbered.AsSpan(sizeof(int)));
            Write(bytes, "fdAT"u8, numbered);
        }
    }

    /// <inheritdoc/>
    public override byte[] EncodeStart(int width, int height, int count, int plays, string record)
    {
        using MemoryStream bytes = new();
        bytes.Write(s_signature);
        Write(bytes, "IHDR"u8, _header);
        Span<byte> control = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(control, count);
        BinaryPrimitives.WriteInt32BigEndian(control[4..], plays);
        Write(bytes, "acTL"u8, control);
        if (record.Length > 0)
        {
            // The text chunk is that of any image.
            ReadOnlySpan<byte> rest = PngChunk.All(ImageEncoder.Encode(new DiffusionImage(1, 1, new byte[DiffusionImage.Channels]), ImageFormat.Png, s_options, new ImageTexts(string.Empty, record), CancellationToken.None));
            while (PngChunk.TryTake(ref rest, out PngChunk chunk))
            {
                if (chunk.Type.SequenceEqual("tEXt"u8) || chunk.Type.SequenceEqual("iTXt"u8))
                    Write(bytes, chunk.Type, chunk.Data);
            }
        }

        return bytes.ToArray();
    }

    /// <inheritdoc/>
    public override byte[] EncodeEnd()
    {
        using MemoryStream bytes = new();
        Write(bytes, "IEND"u8, []);
        return bytes.ToArray();
    }

    private static void Write(MemoryStream bytes, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        bytes.Write(number);
        bytes.Write(type);
        bytes.Write(data);
        Crc32 checksum = new();
        checksum.Append(type);
        checksum.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, checksum.GetCurrentHashAsUInt32());
        bytes.Write(number);
    }
}
