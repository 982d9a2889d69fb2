using System.Buffers.Binary;
using ImageMagick;

namespace StableDiffusion.Images;

/// <summary>
/// Tells a file's format by its first bytes, whatever its name is. Only the formats named here are ever given to the
/// image library, so that none of its interpreters for scripts, drawings or addresses gets a file.
/// </summary>
internal static class ImageSignature
{
    /// <summary>The formats that are read, as people call them.</summary>
    public const string Readable = "PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF";

    /// <summary>Tells the format.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <returns>The format; null if it is none of those that are read.</returns>
    public static MagickFormat? Detect(ReadOnlySpan<byte> data)
    {
        if (data.StartsWith(PngChunks.Signature))
            return MagickFormat.Png;
        if (data.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return MagickFormat.Jpeg;
        if (data.Length > 12 && data.StartsWith("RIFF"u8) && data[8..].StartsWith("WEBP"u8))
            return MagickFormat.WebP;
        if (data.StartsWith("GIF87a"u8) || data.StartsWith("GIF89a"u8))
            return MagickFormat.Gif;
        if (data.StartsWith("II*\0"u8) || data.StartsWith("MM\0*"u8))
            return MagickFormat.Tiff;
        if (IsBmp(data))
            return MagickFormat.Bmp;
        return IsAvif(data) ? MagickFormat.Avif : null;
    }

    /// <summary>Whether a JPEG file goes on to its end marker. The decoder fills up what is missing with grey and tells nobody.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <returns>False if the file breaks off.</returns>
    public static bool IsCompleteJpeg(ReadOnlySpan<byte> data)
    {
        const byte StartOfScan = 0xDA;

        // The segments before the first scan are stepped over: a preview in one of them has an end marker of its own.
        int position = 2;
        while (position + 4 <= data.Length && data[position] == 0xFF)
        {
            byte marker = data[position + 1];
            if (marker == StartOfScan)
                return data[position..].IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;

            bool isFill = marker == 0xFF;
            position += isFill ? 1 : 2 + BinaryPrimitives.ReadUInt16BigEndian(data[(position + 2)..]);
        }

        return false;
    }

    // "BM" alone begins many a text, so the size of the header that follows counts too: one of the known ones.
    private static bool IsBmp(ReadOnlySpan<byte> data) =>
        data.Length > 18 && data.StartsWith("BM"u8)
        && BinaryPrimitives.ReadUInt32LittleEndian(data[14..]) is 12 or 16 or 40 or 52 or 56 or 64 or 108 or 124;

    // ISO/IEC 23000-22: a box "ftyp" that names the brand avif, as the main one or among the compatible ones.
    private static bool IsAvif(ReadOnlySpan<byte> data)
    {
        if (data.Length < 16 || !data[4..].StartsWith("ftyp"u8))
            return false;

        int end = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(data), (uint)Math.Min(data.Length, 256));
        for (int brand = 8; brand + 4 <= end; brand += 4)
        {
            if (brand != 12 && data.Slice(brand, 4).SequenceEqual("avif"u8))
                return true;
        }

        return false;
    }
}
