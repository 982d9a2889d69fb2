using StableDiffusion.Images;

namespace StableDiffusion.Comparison;

/// <summary>Puts images side by side into one, to look at their difference.</summary>
internal static class SideBySide
{
    private const int Gap = 4;
    private const byte Padding = 128;

    /// <summary>Joins images in one row; smaller ones are padded with grey.</summary>
    /// <param name="images">The images.</param>
    /// <returns>The image; null if it would be too large.</returns>
    public static DiffusionImage? Join(params IReadOnlyList<DiffusionImage> images)
    {
        int width = images.Max(static image => image.Width);
        int height = images.Max(static image => image.Height);
        if (((long)width + Gap) * images.Count * height > ImageLibrary.MaxPixels)
            return null;

        // A comparison is no stage, so it has no record, as the heat map in it.
        DiffusionImage joined = ImageGrid.Join([.. images.Select(image => Pad(image, width, height))], images.Count, Gap);
        return new DiffusionImage(joined.Width, joined.Height, joined.Pixels);
    }

    private static DiffusionImage Pad(DiffusionImage image, int width, int height)
    {
        if (image.Width == width && image.Height == height)
            return image;

        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        pixels.AsSpan().Fill(Padding);
        for (int y = 0; y < image.Height; y++)
            PixelDifference.Row(image, y).CopyTo(pixels.AsSpan(y * width * DiffusionImage.Channels));
        return new DiffusionImage(width, height, pixels);
    }
}
