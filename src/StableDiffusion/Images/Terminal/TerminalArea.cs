using StableDiffusion.Settings;

namespace StableDiffusion.Images.Terminal;

/// <summary>The part of a terminal that an image takes, in characters, each of which is taken to be twice as high as wide.</summary>
/// <param name="Columns">The number of columns, 1 or more.</param>
/// <param name="Rows">The number of rows, 1 or more.</param>
internal readonly record struct TerminalArea(int Columns, int Rows)
{
    /// <summary>The most columns or rows of an image.</summary>
    public const int Longest = 1000;

    /// <summary>The area of an image in a window: one column a pixel, or fewer where it would not fit.</summary>
    /// <param name="width">The width of the image in pixels.</param>
    /// <param name="height">The height of the image in pixels.</param>
    /// <param name="window">The window.</param>
    public static TerminalArea Fit(int width, int height, TerminalArea window) =>
        Of(width, height, Math.Min(Math.Min(width, window.Columns), (int)((long)window.Rows * 2 * width / height)));

    /// <summary>The area of an image that is so many columns wide.</summary>
    /// <param name="width">The width of the image in pixels.</param>
    /// <param name="height">The height of the image in pixels.</param>
    /// <param name="columns">The number of columns.</param>
    /// <returns>The area; of an image so high that it would be longer than <see cref="Longest"/>, a narrower one.</returns>
    public static TerminalArea Of(int width, int height, int columns)
    {
        columns = Math.Clamp(columns, 1, Longest);
        long rows = RowsOf(columns);
        if (rows > Longest)
        {
            columns = (int)Math.Max(Longest * 2L * width / height, 1);
            rows = Math.Min(RowsOf(columns), Longest);
        }

        return new TerminalArea(columns, (int)rows);

        long RowsOf(int columns) => (((long)columns * height) + (2L * width) - 1) / (2L * width);
    }

    /// <summary>The size of an image that is as wide as the area.</summary>
    /// <param name="image">The image.</param>
    /// <param name="columnWidth">The number of pixels of a column.</param>
    public (int Width, int Height) SizeOf(DiffusionImage image, int columnWidth)
    {
        int width = Columns * columnWidth;
        return (width, (int)Math.Clamp((((long)width * image.Height) + (image.Width / 2)) / image.Width, 1, (long)Rows * 2 * columnWidth));
    }

    /// <summary>Resizes pixels so that they are as wide as the area.</summary>
    /// <param name="image">The image.</param>
    /// <param name="columnWidth">The number of pixels of a column.</param>
    /// <returns>The pixels and their size. Those of an image that is too high for its width are squeezed.</returns>
    public (byte[] Pixels, int Width, int Height) Resize(DiffusionImage image, int columnWidth)
    {
        (int width, int height) = SizeOf(image, columnWidth);
        ResampleFilter filter = width > image.Width ? ResampleFilter.Bicubic : ResampleFilter.Lanczos;
        return (Resampler.Resize(image.Pixels, image.Width, image.Height, width, height, filter), width, height);
    }
}
