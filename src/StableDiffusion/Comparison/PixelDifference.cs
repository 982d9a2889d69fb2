using StableDiffusion.Images;

namespace StableDiffusion.Comparison;

/// <summary>Which pixels of two images of the same size differ.</summary>
/// <param name="Count">The number of pixels that differ in a color.</param>
/// <param name="Largest">The largest difference of a color of a pixel, 0 to 255.</param>
/// <param name="Bounds">The smallest rectangle that holds all pixels that differ; null if none does.</param>
internal sealed record PixelDifference(int Count, int Largest, ImageRegion? Bounds)
{
    /// <summary>Compares two images of the same size.</summary>
    public static PixelDifference Of(DiffusionImage a, DiffusionImage b)
    {
        (int count, int largest) = (0, 0);
        (int left, int top, int right, int bottom) = (a.Width, a.Height, 0, 0);
        for (int y = 0; y < a.Height; y++)
        {
            ReadOnlySpan<byte> rowA = Row(a, y);
            ReadOnlySpan<byte> rowB = Row(b, y);
            if (rowA.SequenceEqual(rowB))
                continue;

            (top, bottom) = (Math.Min(top, y), y + 1);
            for (int x = 0; x < a.Width; x++)
            {
                int level = Level(rowA, rowB, x);
                if (level == 0)
                    continue;

                count++;
                largest = Math.Max(largest, level);
                (left, right) = (Math.Min(left, x), Math.Max(right, x + 1));
            }
        }

        return new PixelDifference(count, largest, count == 0 ? null : new ImageRegion(left, top, right - left, bottom - top));
    }

    /// <summary>The bytes of a row of an image.</summary>
    public static ReadOnlySpan<byte> Row(DiffusionImage image, int y) => image.Pixels.AsSpan(y * image.Width * DiffusionImage.Channels, image.Width * DiffusionImage.Channels);

    /// <summary>The largest difference of a color of a pixel, 0 to 255.</summary>
    /// <param name="a">The row of an image.</param>
    /// <param name="b">The same row of the other image.</param>
    /// <param name="x">The column.</param>
    public static int Level(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, int x)
    {
        int level = 0;
        for (int i = x * DiffusionImage.Channels; i < (x + 1) * DiffusionImage.Channels; i++)
            level = Math.Max(level, Math.Abs(a[i] - b[i]));
        return level;
    }
}
