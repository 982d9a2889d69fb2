using StableDiffusion.Images.Masks;
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

    /// <summary>Whether the mask was prepared already: inverted and blurred, as far as that was asked for.</summary>
    internal bool IsPrepared { get; init; }

    /// <summary>Inverts and blurs the mask, unless that was done before.</summary>
    /// <param name="inverts">Whether black is repainted and white is kept.</param>
    /// <param name="blur">The standard deviation of the blur in pixels; 0 for none.</param>
    /// <returns>The prepared mask, which records the stages.</returns>
    internal MaskImage Prepare(bool inverts, int blur)
    {
        if (IsPrepared)
            return this;
        MaskImage mask = inverts ? Invert() : this;
        mask = blur > 0 ? mask.Blur(blur) : mask;
        return Made(Width, Height, mask.Pixels, mask.Origin());
    }

    /// <summary>The mask with black and white exchanged.</summary>
    internal MaskImage Invert()
    {
        byte[] greys = Array.ConvertAll(Pixels, static grey => (byte)(byte.MaxValue - grey));
        return Made(Width, Height, greys, Origin().Append(StageOperation.InvertMask, StageList.Hash<byte>(greys)));
    }

    /// <summary>The mask blurred by a Gaussian in both directions, as A1111 does with OpenCV.</summary>
    /// <param name="sigma">The standard deviation in pixels, above 0.</param>
    internal MaskImage Blur(int sigma)
    {
        Setting.CheckRange(nameof(GenerationSettings.MaskBlur), sigma, 1, SettingTable.Find(nameof(GenerationSettings.MaskBlur)).Maximum!.Value);
        byte[] greys = GaussianBlur.Blur(Pixels, Width, Height, sigma, sigma);
        return Made(Width, Height, greys, Origin().Append(StageOperation.BlurMask, StageList.Hash<byte>(greys), ("Sigma", (long)sigma)));
    }

    /// <summary>A mask that was made from another one, and is prepared.</summary>
    internal static MaskImage Made(int width, int height, byte[] pixels, StageList stages) => new(width, height, pixels) { Stages = stages, IsPrepared = true };

    /// <summary>Throws if the mask does not have the size of its image.</summary>
    /// <param name="width">The width of the image.</param>
    /// <param name="height">The height of the image.</param>
    /// <exception cref="ImageInvalidException">It has another size.</exception>
    internal void CheckSize(int width, int height)
    {
        if (Width != width || Height != height)
            throw new ImageInvalidException($"The mask is {Width}x{Height} pixels, but the image is {width}x{height}. Give a mask of the image's size.");
    }

    /// <summary>A short description.</summary>
    /// <returns>The size.</returns>
    public override string ToString() => $"{Width}x{Height} mask";
}
