using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;

namespace StableDiffusion.Images;

/// <summary>Detects a file's format from its first bytes, not from its name.</summary>
internal static class ImageSignature
{
    private const string Readable = "PNG, JPEG, WebP, GIF, BMP, TIFF and TGA";
    private const int BrandSize = 4;
    private const int BmpArrayHeader = 14;
    private const int BmpPixelsField = 10;

    /// <summary>Detects the format.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>The format.</returns>
    /// <exception cref="ImageInvalidException">The format is not supported.</exception>
    public static IImageFormat Detect(byte[] data, string name)
    {
        string? unreadable = IsHeif(data, "avif"u8) ? "an AVIF image"
            : IsHeif(data, "heic"u8) || IsHeif(data, "heix"u8) ? "a HEIC image"
            : data.AsSpan().StartsWith("qoif"u8) ? "a QOI image"
            : data.AsSpan().StartsWith("\0\0\0\u000CJXL "u8) || data.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A]) ? "a JPEG XL image"
            : null;
        if (unreadable is not null)
            throw new ImageInvalidException($"{name} is {unreadable}, which cannot be read. Convert it to PNG, JPEG or WebP.");

        IImageFormat format = Image.DetectFormat(ImageLibrary.Configuration, data)
            ?? throw new ImageInvalidException($"{name} is not an image of a supported format. The formats are {Readable}.");
        return format is BmpFormat && BmpPixels(data) > data.Length
            ? throw new ImageInvalidException($"{name} cannot be read as BMP: it is truncated or damaged. Copy it again.")
            : format;
    }

    /// <summary>The position of a BMP file's pixels. The image library reserves memory for all that is before them, even beyond the end of the file.</summary>
    private static uint BmpPixels(ReadOnlySpan<byte> bmp)
    {
        ReadOnlySpan<byte> header = bmp.StartsWith("BA"u8) && bmp.Length > BmpArrayHeader ? bmp[BmpArrayHeader..] : bmp;
        return header.Length < BmpPixelsField + sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(header[BmpPixelsField..]);
    }

    /// <summary>Whether a file is in the HEIF family, such as AVIF and HEIC.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="wanted">The required brand, as the main brand or one of the compatible brands.</param>
    /// <returns>True if it has the brand. Source: ISO/IEC 14496-12, section 4.3.</returns>
    public static bool IsHeif(ReadOnlySpan<byte> data, ReadOnlySpan<byte> wanted)
    {
        if (data.Length < 16 || !data[4..].StartsWith("ftyp"u8))
            return false;

        int end = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(data), (uint)Math.Min(data.Length, 256));
        for (int brand = 8; brand + BrandSize <= end; brand += BrandSize)
        {
            if (brand != 12 && data.Slice(brand, BrandSize).SequenceEqual(wanted))
                return true;
        }

        return false;
    }
}
