using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace StableDiffusion.Images;

/// <summary>The chunks of a PNG file. Source: ISO/IEC 15948, sections 5 and 11.</summary>
internal static class PngChunks
{
    // Each chunk: length, type, data, checksum of type and data.
    private const int LengthSize = 4;
    private const int TypeSize = 4;
    private const int ChecksumSize = 4;

    /// <summary>What every PNG file begins with.</summary>
    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];

    /// <summary>
    /// Copies a PNG file of true colours with nothing but the picture in it (encoders add dates and more), and puts
    /// texts behind its header.
    /// </summary>
    /// <param name="png">The file's bytes, from a known good encoder.</param>
    /// <param name="texts">The texts, each with its keyword of 1 to 79 letters; those that are empty are left out.</param>
    /// <param name="destination">Receives the file.</param>
    public static void Rewrite(ReadOnlySpan<byte> png, IEnumerable<(string Keyword, string Text)> texts, Stream destination)
    {
        destination.Write(Signature);
        int position = Signature.Length;
        while (position < png.Length)
        {
            int length = LengthSize + TypeSize + BinaryPrimitives.ReadInt32BigEndian(png[position..]) + ChecksumSize;
            ReadOnlySpan<byte> chunk = png.Slice(position, length);
            ReadOnlySpan<byte> type = chunk.Slice(LengthSize, TypeSize);
            bool isHeader = type.SequenceEqual("IHDR"u8);
            if (isHeader || type.SequenceEqual("IDAT"u8) || type.SequenceEqual("IEND"u8))
                destination.Write(chunk);
            if (isHeader)
            {
                foreach ((string keyword, string text) in texts.Where(item => item.Text.Length > 0))
                    WriteText(keyword, text, destination);
            }

            position += length;
        }
    }

    // As Pillow chooses: tEXt where Latin-1 has every character, iTXt (UTF-8, not compressed) elsewhere.
    private static void WriteText(string keyword, string text, Stream destination)
    {
        // Neither chunk may hold a zero byte in its text.
        text = text.Replace('\0', ' ');
        bool isLatin1 = text.All(character => character <= byte.MaxValue);
        byte[] data = isLatin1
            ? [.. Encoding.Latin1.GetBytes(keyword), 0, .. Encoding.Latin1.GetBytes(text)]
            : [.. Encoding.Latin1.GetBytes(keyword), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)];
        Write(isLatin1 ? "tEXt"u8 : "iTXt"u8, data, destination);
    }

    private static void Write(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data, Stream destination)
    {
        Crc32 checksum = new();
        checksum.Append(type);
        checksum.Append(data);

        Span<byte> number = stackalloc byte[LengthSize];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        destination.Write(number);
        destination.Write(type);
        destination.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, checksum.GetCurrentHashAsUInt32());
        destination.Write(number);
    }
}
