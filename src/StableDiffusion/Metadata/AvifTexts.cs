using System.Buffers.Binary;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reads the EXIF block of an AVIF file; the pixels are not read. Source: ISO/IEC 14496-12, section 4.2 (boxes);
/// ISO/IEC 23008-12, section A.2.1 (four bytes before the block give the number of bytes to skip).
/// </summary>
internal static class AvifTexts
{
    private const int BoxHeaderSize = 8;
    private const int LongBoxHeaderSize = 16;

    /// <summary>Collects the texts.</summary>
    /// <param name="avif">The file's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    /// <exception cref="ImageInvalidException">The file is truncated.</exception>
    public static void Read(ReadOnlySpan<byte> avif, string name, TextEntryList texts)
    {
        for (ReadOnlySpan<byte> boxes = avif; !boxes.IsEmpty;)
        {
            ulong size = boxes.Length < BoxHeaderSize ? 1 : BinaryPrimitives.ReadUInt32BigEndian(boxes);
            size = size switch
            {
                0 => (ulong)boxes.Length,
                1 when boxes.Length >= LongBoxHeaderSize => BinaryPrimitives.ReadUInt64BigEndian(boxes[BoxHeaderSize..]),
                _ => size,
            };
            if (size < BoxHeaderSize || size > (ulong)boxes.Length)
                throw new ImageInvalidException($"{name} cannot be read as AVIF; it is truncated or damaged. Copy it again.");
            boxes = boxes[(int)size..];
        }

        int start = IndexOf(avif, "\0\0\0\0MM\0*"u8, "\0\0\0\0II*\0"u8, "\0\0\0\u0006Exif\0\0"u8);
        if (start >= 0)
            ExifTexts.Read(avif[(start + sizeof(uint))..], texts);
    }

    private static int IndexOf(ReadOnlySpan<byte> data, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        int start = data.IndexOf(first);
        if (start < 0)
            start = data.IndexOf(second);
        return start < 0 ? data.IndexOf(third) : start;
    }
}
