using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>
/// TIFF features that the image library does not support: the detection of truncated files, and CMYK files, which it
/// rejects. Their samples are relabeled as red, green, blue and alpha for the library. Source: TIFF 6.0, sections 8 and 16.
/// </summary>
internal static class TiffFile
{
    private const ushort CompressionTag = 259;
    private const ushort PhotometricTag = 262;
    private const ushort ProfileTag = 0x8773;
    private const int MaxTags = 1000;
    private const ushort StripOffsetsTag = 273;
    private const ushort StripByteCountsTag = 279;
    private const ushort InkSetTag = 332;
    private const uint NoCompression = 1;
    private const uint JpegCompression = 7;
    private const uint Separated = 5;
    private const uint SubsampledColors = 6;
    private const byte Rgb = 2;
    private const uint CmykInks = 1;

    /// <summary>Determines whether a file is complete.</summary>
    /// <param name="tiff">The file's bytes.</param>
    /// <param name="info">The file's own information.</param>
    /// <returns>False if a strip of the first image is missing, or if uncompressed strips are too short.</returns>
    public static bool IsWhole(ReadOnlySpan<byte> tiff, IImageInfo info)
    {
        if (!TiffBlock.TryOpen(tiff, out TiffBlock block))
            return true;

        uint[] offsets = block.FindNumbers(block.FirstDirectory, StripOffsetsTag);
        uint[] counts = block.FindNumbers(block.FirstDirectory, StripByteCountsTag);
        long length = tiff.Length;
        long size = (((long)info.Width * info.PixelType.BitsPerPixel) + 7) / 8 * info.Height;
        return offsets.Zip(counts, (offset, count) => (long)offset + count).All(end => end <= length)
            && (First(block, CompressionTag, NoCompression) != NoCompression || First(block, PhotometricTag, 0) == SubsampledColors || counts.Length == 0 || counts.Sum(count => (long)count) >= size);
    }

    /// <summary>The color profile of the first image.</summary>
    /// <param name="tiff">The file's bytes.</param>
    /// <returns>The profile; null if there is none.</returns>
    public static byte[]? FindProfile(ReadOnlySpan<byte> tiff) =>
        TiffBlock.TryOpen(tiff, out TiffBlock block) ? block.Find(block.FirstDirectory, ProfileTag).ToArray() : null;

    /// <summary>The file with only its first image.</summary>
    /// <param name="tiff">The file's bytes; they are not changed.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>A copy whose first directory is the last one; the file itself if it has no directory.</returns>
    /// <exception cref="ImageInvalidException">The directory has too many tags, which the image library would read in quadratic time.</exception>
    public static byte[] FirstImage(byte[] tiff, string name)
    {
        if (!TiffBlock.TryOpen(tiff, out TiffBlock block) || !block.TryFindNext(block.FirstDirectory, out int count, out int next))
            return tiff;
        if (count > MaxTags)
            throw new ImageInvalidException($"{name} has {count} tags, more than the limit of {MaxTags} for TIFF files. It is damaged; save it again with another program.");

        byte[] changed = [.. tiff];
        changed.AsSpan(next, sizeof(uint)).Clear();
        return changed;
    }

    /// <summary>Relabels the samples of a CMYK file as RGBA.</summary>
    /// <param name="tiff">The file's bytes; they are not changed.</param>
    /// <param name="isCmyk">Whether the file is a CMYK file.</param>
    /// <returns>The changed file, or <paramref name="tiff"/> itself.</returns>
    /// <exception cref="NotSupportedException">The inks are not cyan, magenta, yellow and black, or the data is compressed with JPEG.</exception>
    public static byte[] AsRgba(byte[] tiff, out bool isCmyk)
    {
        isCmyk = TiffBlock.TryOpen(tiff, out TiffBlock block) && First(block, PhotometricTag, 0) == Separated;
        if (!isCmyk)
            return tiff;
        if (First(block, InkSetTag, CmykInks) != CmykInks || First(block, CompressionTag, 0) == JpegCompression)
            throw new NotSupportedException("Its inks are not cyan, magenta, yellow and black, or the data is compressed with JPEG.");

        byte[] changed = [.. tiff];
        ReadOnlySpan<byte> value = block.Find(block.FirstDirectory, PhotometricTag);
        tiff.AsSpan().Overlaps(value, out int offset);
        changed[block.IsBigEndian ? offset + value.Length - 1 : offset] = Rgb;
        return changed;
    }

    /// <summary>Converts CMYK to RGB, as Pillow does without a profile.</summary>
    /// <param name="image">The image, whose channels are cyan, magenta, yellow and black.</param>
    public static void ToRgb(Image<Rgba32> image) => image.ProcessPixelRows(rows =>
    {
        for (int y = 0; y < rows.Height; y++)
        {
            foreach (ref Rgba32 pixel in rows.GetRowSpan(y))
                pixel = new Rgba32(Mix(pixel.R, pixel.A), Mix(pixel.G, pixel.A), Mix(pixel.B, pixel.A));
        }
    });

    private static uint First(TiffBlock block, ushort tag, uint missing) => block.FindNumbers(block.FirstDirectory, tag) is [uint number, ..] ? number : missing;

    private static byte Mix(int ink, int black) => (byte)((((byte.MaxValue - ink) * (byte.MaxValue - black)) + (byte.MaxValue / 2)) / byte.MaxValue);
}
