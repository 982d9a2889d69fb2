using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>A grayscale image that specifies which areas of another image are repainted: white is repainted, black is kept.</summary>
public sealed class MaskImage
{
    /// <summary>Initializes a mask over an array of gray values, without copying it.</summary>
    /// <param name="width">The width in pixels, at least 1.</param>
    /// <param name="height">The height in pixels, at least 1.</param>
    /// <param name="pixels">The gray value of each pixel, 0 (black) to 255 (white), row by row from the top left.</param>
    /// <exception cref="ArgumentException">The size is not positive, or the length of the array does not match it.</exception>
    public MaskImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if ((long)width * height != pixels.Length)
            throw new ArgumentException($"A mask of {width}x{height} pixels has {(long)width * height} values, not {pixels.Length}.", nameof(pixels));

        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>The gray value of each pixel, row by row. The array is the mask's own, not a copy.</summary>
    public byte[] Pixels { get; }

    /// <summary>The stages that made the mask; null if unknown.</summary>
    internal StageList? Stages { get; init; }

    /// <summary>The stages that made the values as they are now.</summary>
    internal StageList Origin() => StageList.Of<byte>(Stages, Pixels);

    /// <summary>Converts an image to a mask: the luma of ITU-R BT.601, with the integer arithmetic of Pillow's mode L.</summary>
    /// <param name="image">The image.</param>
    /// <returns>A mask of the same size.</returns>
    public static MaskImage FromImage(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);

        ReadOnlySpan<byte> colors = image.Pixels;
        byte[] greys = new byte[image.Width * image.Height];
        for (int i = 0; i < greys.Length; i++)
        {
            ReadOnlySpan<byte> color = colors.Slice(i * DiffusionImage.Channels, DiffusionImage.Channels);
            greys[i] = (byte)(((color[0] * 19595) + (color[1] * 38470) + (color[2] * 7471) + 0x8000) >> 16);
        }

        return new MaskImage(image.Width, image.Height, greys) { Stages = image.Origin().Append(StageOperation.ToMask, StageList.Hash<byte>(greys)) };
    }

    /// <summary>A short description.</summary>
    /// <returns>The size.</returns>
    public override string ToString() => $"{Width}x{Height} mask";
}
