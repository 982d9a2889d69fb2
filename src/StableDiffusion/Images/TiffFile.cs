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
    private const int MaxTables = 4096;
    private const int MarkerSize = 2;

    // Each is decoded with the tables of all. The strips of JPEG are eight rows or more, and 65,536 rows are the most of many programs.
    private const int MaxJpegs = 8192;

    private const ushort HeightTag = 257;
    private const ushort StripOffsetsTag = 273;
    private const ushort RowsPerStripTag = 278;
    private const ushort StripByteCountsTag = 279;
    private const ushort PlanesTag = 284;
    private const ushort InkSetTag = 332;
    private const ushort TablesTag = 347;
    private const ushort ShortType = 3;
    private const ushort LongType = 4;
    private const uint NoCompression = 1;
    private const uint JpegCompression = 7;
    private const uint Separated = 5;
    private const uint SubsampledColors = 6;
    private const byte Rgb = 2;
    private const uint CmykInks = 1;
    private const uint SeparatePlanes = 2;

    // What says how the pixels are stored; resolutions, texts and other directories are not needed for them.
    private static readonly HashSet<ushort> s_imageTags =
        [256, HeightTag, 258, CompressionTag, PhotometricTag, 266, StripOffsetsTag, 277, RowsPerStripTag, StripByteCountsTag, PlanesTag, 292, 293, 317, 320, 322, 323, 324, 325, InkSetTag, 338, 339, TablesTag, 529, 530, 531, 532, 559];

    /// <summary>Determines whether a file is complete.</summary>
    /// <param name="tiff">The file's bytes.</param>
    /// <param name="info">The file's own information.</param>
    /// <returns>False if a strip of the first image is missing or shared by others, or if uncompressed strips are too short.</returns>
    public static bool IsWhole(ReadOnlySpan<byte> tiff, IImageInfo info)
    {
        if (!TiffBlock.TryOpen(tiff, out TiffBlock block))
            return true;

        uint[] offsets = block.FindNumbers(block.FirstDirectory, StripOffsetsTag);
        uint[] counts = block.FindNumbers(block.FirstDirectory, StripByteCountsTag);
        long length = tiff.Length;
        long size = (((long)info.Width * info.PixelType.BitsPerPixel) + 7) / 8 * info.Height;
        return offsets.Length == counts.Length
            && offsets.Zip(counts, (offset, count) => (long)offset + count).All(end => end <= length)
            && counts.Sum(count => (long)count) <= length
            && (First(block, CompressionTag, NoCompression) != NoCompression || First(block, PhotometricTag, 0) == SubsampledColors || counts.Length == 0 || counts.Sum(count => (long)count) >= size);
    }

    /// <summary>The color profile of the first image.</summary>
    /// <param name="tiff">The file's bytes.</param>
    /// <returns>The profile; null if there is none.</returns>
    public static byte[]? FindProfile(ReadOnlySpan<byte> tiff) =>
        TiffBlock.TryOpen(tiff, out TiffBlock block) ? block.Find(block.FirstDirectory, ProfileTag).ToArray() : null;

    /// <summary>The file with only its first image, and of that only what its pixels need, so that the image library sees what was checked and nothing else.</summary>
    /// <param name="tiff">The file's bytes; they are not changed.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>A copy with one directory, in which each tag occurs once; the file itself if it is none.</returns>
    /// <exception cref="ImageInvalidException">The directory is truncated, or has too many tags, which the image library would read in quadratic time.</exception>
    public static byte[] FirstImage(byte[] tiff, string name)
    {
        if (!TiffBlock.TryOpen(tiff, out TiffBlock block))
            return tiff;

        bool isWhole = block.TryFindNext(block.FirstDirectory, out int count, out _);
        if (count > MaxTags)
            throw new ImageInvalidException($"{name} has {count} tags, more than the limit of {MaxTags} for TIFF files. It is damaged; save it again with another program.");
        if (!isWhole)
            throw new ImageInvalidException($"{name} is truncated. Copy it again.");

        byte[] changed = [.. tiff];
        block.Reduce(changed, block.FirstDirectory, static (tag, type) => s_imageTags.Contains(tag) && (tag is not (StripOffsetsTag or StripByteCountsTag) || type is ShortType or LongType));

        // The library allocates a strip of as many rows as this says, whatever the height.
        TiffBlock.TryOpen(changed, out block);
        uint height = First(block, HeightTag, 0);
        if (First(block, RowsPerStripTag, 0) > height)
            Set(changed, block, RowsPerStripTag, height);
        return changed;
    }

    /// <summary>Takes apart a file whose strips are JPEG images, which the image library would decode without limits and beyond the end of the strips.</summary>
    /// <param name="tiff">The file's bytes, from <see cref="FirstImage"/>.</param>
    /// <param name="strips">The strips from top to bottom, each a JPEG file.</param>
    /// <param name="rows">The number of rows of each strip but the last; 0 if there is only one.</param>
    /// <param name="isInverted">Whether white is zero.</param>
    /// <returns>False if the file is not compressed with JPEG.</returns>
    /// <exception cref="NotSupportedException">It is tiled, its colors are in separate planes, or it has too many strips.</exception>
    public static bool TryFindJpegs(byte[] tiff, out IEnumerable<byte[]> strips, out int rows, out bool isInverted)
    {
        (strips, rows, isInverted) = ([], 0, false);
        if (!TiffBlock.TryOpen(tiff, out TiffBlock block) || First(block, CompressionTag, NoCompression) != JpegCompression)
            return false;

        uint[] offsets = block.FindNumbers(block.FirstDirectory, StripOffsetsTag);
        uint[] counts = block.FindNumbers(block.FirstDirectory, StripByteCountsTag);
        byte[] tables = block.Find(block.FirstDirectory, TablesTag).ToArray();
        if (offsets.Length == 0 || First(block, PlanesTag, 0) == SeparatePlanes || tables.Length > MaxTables)
            throw new NotSupportedException("It is compressed with JPEG, and tiled, in separate planes, or with unusual tables.");

        if (offsets.Length > MaxJpegs)
            throw new NotSupportedException($"It is compressed with JPEG in {offsets.Length} strips, more than the limit of {MaxJpegs}.");

        // Both begin and end with a marker: the tables belong between the first marker of the image and the rest.
        tables = tables.Length > 2 * MarkerSize ? tables[..^MarkerSize] : [];
        strips = offsets.Zip(counts, (offset, count) => tables.Length == 0 || count < MarkerSize
            ? tiff.AsSpan((int)offset, (int)count).ToArray()
            : [.. tables, .. tiff.AsSpan((int)offset, (int)count)[MarkerSize..]]);
        rows = (int)First(block, RowsPerStripTag, 0);
        isInverted = First(block, PhotometricTag, 1) == 0;
        return true;
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
        TiffBlock.TryOpen(changed, out block);
        Set(changed, block, PhotometricTag, Rgb);
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

    private static void Set(byte[] tiff, TiffBlock block, ushort tag, uint number)
    {
        ReadOnlySpan<byte> value = block.Find(block.FirstDirectory, tag);
        if (tiff.AsSpan().Overlaps(value, out int offset))
            block.Write(tiff.AsSpan(offset, value.Length), number);
    }

    private static byte Mix(int ink, int black) => (byte)((((byte.MaxValue - ink) * (byte.MaxValue - black)) + (byte.MaxValue / 2)) / byte.MaxValue);
}
