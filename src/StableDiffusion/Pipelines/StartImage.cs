using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>An image that a denoising starts from, at the size of the image that is made.</summary>
public sealed class StartImage
{
    /// <summary>How an image is brought to another size where nobody says: its proportions are kept.</summary>
    public const ResizeMode DefaultResizeMode = ResizeMode.Crop;

    private StartImage(DiffusionImage image, MaskImage? mask, ResizeMode resizeMode) => (Image, Mask, ResizeMode) = (image, mask, resizeMode);

    /// <summary>The image.</summary>
    public DiffusionImage Image { get; }

    /// <summary>What of it is painted anew; null for all of it.</summary>
    public MaskImage? Mask { get; }

    /// <summary>How it was brought to its size; <see cref="ResizeMode.None"/> where it had it.</summary>
    public ResizeMode ResizeMode { get; }

    /// <summary>Brings an image, and its mask with it, to a size.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">Its mask, as large as the image; one of another size stays as it is.</param>
    /// <param name="width">The width in pixels; null follows from the height, or is the image's own, down to a multiple of <paramref name="factor"/>.</param>
    /// <param name="height">The height in pixels; null follows from the width, or is the image's own, down to a multiple of <paramref name="factor"/>.</param>
    /// <param name="mode">How; null for <see cref="DefaultResizeMode"/>. With <see cref="ResizeMode.None"/> a side that is left out is the image's own.</param>
    /// <param name="factor">How many pixels of a side make up one of the latent.</param>
    /// <returns>The image at that size.</returns>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/> and the size differs.</exception>
    /// <exception cref="InvalidSettingException">The size cannot be made.</exception>
    internal static StartImage Fit(DiffusionImage image, MaskImage? mask, int? width, int? height, ResizeMode? mode, int factor)
    {
        ArgumentNullException.ThrowIfNull(image);
        ResizeMode chosen = mode ?? DefaultResizeMode;
        (int toWidth, int toHeight) = chosen == ResizeMode.None
            ? (width ?? image.Width, height ?? image.Height)
            : (width ?? Side(image.Width, height, image.Height, factor), height ?? Side(image.Height, width, image.Width, factor));
        DiffusionImage fitted = ImageResize.Resize(image, toWidth, toHeight, chosen);
        if (ReferenceEquals(fitted, image))
            return new StartImage(image, mask, ResizeMode.None);

        bool isOfImage = mask?.Width == image.Width && mask.Height == image.Height;
        return new StartImage(fitted, isOfImage ? ImageResize.Resize(mask!, toWidth, toHeight, chosen) : mask, chosen);
    }

    /// <summary>A side that nobody gave: in the image's proportions to the other side, or the image's own.</summary>
    private static int Side(int own, int? other, int ownOther, int factor)
    {
        double exact = other is int given ? (double)own * given / ownOther : own;
        double cells = other is null ? Math.Floor(exact / factor) : Math.Round(exact / factor);
        return (int)Math.Min(Math.Max(cells, 1) * factor, int.MaxValue);
    }
}
