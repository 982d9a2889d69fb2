using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>An image and the settings that made it.</summary>
public sealed class DiffusionImage : GeneratedObject
{
    /// <summary>The number of bytes of a pixel: red, green and blue.</summary>
    public const int Channels = 3;

    /// <summary>Initializes an image over an array of pixels, without copying it.</summary>
    /// <param name="width">The width in pixels, at least 1.</param>
    /// <param name="height">The height in pixels, at least 1.</param>
    /// <param name="pixels">Red, green and blue of each pixel (sRGB, 0 to 255), row by row from the top left.</param>
    /// <param name="info">The settings that made it; null if unknown.</param>
    /// <exception cref="ArgumentException">The size is not positive, or the length of the array does not match it.</exception>
    public DiffusionImage(int width, int height, byte[] pixels, GenerationInfo? info = null)
        : base(info ?? new GenerationInfo())
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if ((long)width * height * Channels != pixels.Length)
            throw new ArgumentException($"An image of {width}x{height} pixels has {(long)width * height * Channels} bytes, not {pixels.Length}.", nameof(pixels));

        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green and blue of each pixel, row by row. The array is the image's own, not a copy.</summary>
    public byte[] Pixels { get; }

    /// <summary>The full path of the file that the image was read from or last written to; null if there is none.</summary>
    public string? Path { get; internal set; }

    /// <summary>A short description.</summary>
    /// <returns>The size, and the prompt if it is known.</returns>
    public override string ToString() => PrintableText.Of(Prompt is null ? $"{Width}x{Height}" : $"{Width}x{Height} {Prompt}");
}
