using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>An image that a denoising starts from, at the size of the new image.</summary>
public sealed class StartImage
{
    /// <summary>The default resize mode, which keeps the aspect ratio.</summary>
    public const ResizeMode DefaultResizeMode = ResizeMode.Crop;

    // What is pasted back, by which mask.
    private readonly DiffusionImage _source;
    private readonly MaskImage? _overlay;
    private readonly InpaintSettings _settings;

    private StartImage(DiffusionImage image, MaskImage? mask, ResizeMode resizeMode, DiffusionImage source, MaskImage? overlay, InpaintSettings settings, DiffusionImage given) =>
        (Image, Mask, ResizeMode, _source, _overlay, _settings, Given) = (image, mask, resizeMode, source, overlay, settings, given);

    /// <summary>The image to encode: the whole one, or the region around the mask.</summary>
    public DiffusionImage Image { get; }

    /// <summary>The mask, inverted and blurred as it was asked for; null repaints the whole image.</summary>
    public MaskImage? Mask { get; }

    /// <summary>The image as it was given, before it was resized.</summary>
    internal DiffusionImage Given { get; }

    /// <summary>How the image was resized; <see cref="ResizeMode.None"/> if it was not.</summary>
    public ResizeMode ResizeMode { get; }

    /// <summary>Resizes an image and its mask.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">Its mask, of the size of the image; a mask of another size is not resized.</param>
    /// <param name="width">The width in pixels; null keeps the aspect ratio if the height is given, or means the image's own width, rounded down to a multiple of <paramref name="factor"/>.</param>
    /// <param name="height">The height in pixels; null keeps the aspect ratio if the width is given, or means the image's own height, rounded down to a multiple of <paramref name="factor"/>.</param>
    /// <param name="mode">The resize mode; null means <see cref="DefaultResizeMode"/>. With <see cref="ResizeMode.None"/>, a side that is null is the image's own.</param>
    /// <param name="factor">The number of image pixels for each latent pixel, along a side.</param>
    /// <param name="inpainting">The settings of inpainting; null for the defaults.</param>
    /// <returns>The image at that size.</returns>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/> and the size differs.</exception>
    /// <exception cref="InvalidSettingException">The size cannot be made.</exception>
    internal static StartImage Fit(DiffusionImage image, MaskImage? mask, int? width, int? height, ResizeMode? mode, int factor, GenerationSettings? inpainting = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        InpaintSettings settings = new(inpainting ?? new GenerationSettings());
        mask = settings.Prepare(mask);
        if (settings.Padding is int padding)
        {
            if (mask is null)
                throw new InvalidSettingException("MaskedOnly", "MaskedOnly needs a mask, around which the region is made. Give one, or omit MaskedOnly.");
            DiffusionImage region = MaskCrop.Crop(image, mask, padding, width!.Value, height!.Value);
            MaskImage part = MaskCrop.Crop(mask, padding, width.Value, height.Value);
            return new StartImage(settings.FillImage(region, part), part, ResizeMode.None, image, mask, settings, image);
        }

        ResizeMode chosen = mode ?? DefaultResizeMode;
        (int toWidth, int toHeight) = SizeOf(image.Width, image.Height, width, height, chosen, factor);
        DiffusionImage fitted = ImageResize.Resize(image, toWidth, toHeight, chosen);
        if (!ReferenceEquals(fitted, image) && mask?.Width == image.Width && mask.Height == image.Height)
            mask = ImageResize.Resize(mask, toWidth, toHeight, chosen);
        return new StartImage(settings.FillImage(fitted, mask), mask, ReferenceEquals(fitted, image) ? ResizeMode.None : chosen, fitted, mask, settings, image);
    }

    /// <summary>Completes an image that was made from this one: what the mask keeps is pasted back, unless the settings say that it is not.</summary>
    /// <param name="made">The decoded image.</param>
    /// <returns>The image, or <paramref name="made"/> itself.</returns>
    internal DiffusionImage Complete(DiffusionImage made) => _overlay is null || !_settings.PastesBack
        ? made
        : PasteBack.Paste(made, _source, _overlay, _settings.Padding, _settings.DoublesMask, _settings.AdaptsMask);

    /// <summary>The size that <see cref="Fit"/> resizes an image to.</summary>
    internal static (int Width, int Height) SizeOf(int ownWidth, int ownHeight, int? width, int? height, ResizeMode mode, int factor) => mode == ResizeMode.None
        ? (width ?? ownWidth, height ?? ownHeight)
        : (width ?? Side(ownWidth, height, ownHeight, factor), height ?? Side(ownHeight, width, ownWidth, factor));

    /// <summary>The default of a side: it keeps the aspect ratio with the other side, or is the image's own.</summary>
    private static int Side(int own, int? other, int ownOther, int factor)
    {
        double exact = other is int given ? (double)own * given / ownOther : own;
        double cells = other is null ? Math.Floor(exact / factor) : Math.Round(exact / factor);
        return (int)Math.Min(Math.Max(cells, 1) * factor, int.MaxValue);
    }
}
