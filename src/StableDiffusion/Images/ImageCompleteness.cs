using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;

namespace StableDiffusion.Images;

/// <summary>Detects truncated files. The library's decoders fill in missing data without an error.</summary>
internal static class ImageCompleteness
{
    private const int BitsPerByte = 8;

    /// <summary>Determines whether a file is complete.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="format">The format.</param>
    /// <param name="info">The file's own information.</param>
    /// <returns>False if it is truncated.</returns>
    public static bool IsWhole(ReadOnlySpan<byte> data, IImageFormat format, IImageInfo info) => format switch
    {
        PngFormat => PngChunk.TryFind(data, "IEND"u8, out _) && PngPixels.IsWhole(data),
        JpegFormat => IsWholeJpeg(data),
        WebpFormat => WebPChunks.IsWhole(data),
        TiffFormat => TiffFile.IsWhole(data, info),
        BmpFormat => IsWholeBmp(data, info),
        TgaFormat => IsWholeTga(data[18..], data[..18], info),
        _ => true,
    };

    private static bool IsWholeJpeg(ReadOnlySpan<byte> data)
    {
        const byte StartOfScan = 0xDA;

        // The segments before the first scan are skipped: a preview in one of them has its own end marker.
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

    // Source: Microsoft, BITMAPFILEHEADER and BITMAPINFOHEADER. For compressed rows only the length in the header is checked.
    private static bool IsWholeBmp(ReadOnlySpan<byte> data, IImageInfo info)
    {
        const int ShortHeader = 12;
        const int BitFields = 3;
        int compression = BinaryPrimitives.ReadInt32LittleEndian(data[14..]) == ShortHeader ? 0 : BinaryPrimitives.ReadInt32LittleEndian(data[30..]);
        long rowSize = ((((long)info.Width * info.PixelType.BitsPerPixel) + 31) / 32) * 4;
        return compression is 0 or BitFields
            ? BinaryPrimitives.ReadUInt32LittleEndian(data[10..]) + (rowSize * info.Height) <= data.Length
            : BinaryPrimitives.ReadUInt32LittleEndian(data[2..]) <= data.Length;
    }

    // Source: Truevision TGA file format specification 2.0: an identification, a palette, then pixels or runs of them.
    private static bool IsWholeTga(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> header, IImageInfo info)
    {
        const int RunLength = 8;
        int pixelSize = (header[16] + BitsPerByte - 1) / BitsPerByte;
        int paletteSize = BinaryPrimitives.ReadUInt16LittleEndian(header[5..]) * ((header[7] + BitsPerByte - 1) / BitsPerByte);
        rest = rest[Math.Min(header[0] + paletteSize, rest.Length)..];
        long pixels = (long)info.Width * info.Height;
        if ((header[2] & RunLength) == 0)
            return pixels * pixelSize <= rest.Length;

        while (pixels > 0 && !rest.IsEmpty)
        {
            int count = (rest[0] & 0x7F) + 1;
            int size = 1 + ((rest[0] & 0x80) == 0 ? count * pixelSize : pixelSize);
            if (size > rest.Length)
                return false;

            pixels -= count;
            rest = rest[size..];
        }

        return pixels <= 0;
    }
}
