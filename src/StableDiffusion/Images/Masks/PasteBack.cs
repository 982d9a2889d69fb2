using StableDiffusion.Settings;

namespace StableDiffusion.Images.Masks;

/// <summary>
/// Lays the kept part of an image over one that was made from it, so that its pixels stay as they are. Source: A1111's
/// <c>apply_overlay</c> (<c>modules/processing.py</c>), with which diffusers' agrees.
/// </summary>
internal static class PasteBack
{
    /// <summary>The input of stages with the mask.</summary>
    public const string MaskInput = "MaskImage";

    /// <summary>The input of the stage with the image whose part is kept.</summary>
    public const string ImageInput = "Image";

    /// <summary>The setting of the stage that says whether the mask counts twice.</summary>
    public const string DoublesSetting = "DoublesMask";

    /// <summary>The setting of the stage that says whether the mask of the made image is used.</summary>
    public const string AdaptsSetting = "AdaptsMask";

    /// <summary>Pastes the kept part over an image.</summary>
    /// <param name="made">The image that was made: the whole one, or the region around the mask.</param>
    /// <param name="source">The image whose part is kept.</param>
    /// <param name="mask">The mask, of the source's size: the source is opaque where it is black, and not seen where it is white.</param>
    /// <param name="padding">The padding of the region that was made; null if it is the whole image.</param>
    /// <param name="doubles">Whether the mask counts twice, up to white, so that a blurred mask repaints all that was changed.</param>
    /// <param name="adapts">Whether the image is pasted back where the denoising changed little, by <see cref="DiffusionImage.Overlay"/>; <paramref name="mask"/> says only where the region is then.</param>
    /// <returns>An image of the source's size with the info of the made one, which records the stage.</returns>
    /// <exception cref="ImageInvalidException">The mask has another size than the source, or is black everywhere although only its region was made.</exception>
    /// <exception cref="InvalidSettingException">The made image is the whole one and has another size.</exception>
    /// <exception cref="NotRepeatableException">The made image has no mask of its own, and it should be used.</exception>
    public static DiffusionImage Paste(DiffusionImage made, DiffusionImage source, MaskImage mask, int? padding, bool doubles, bool adapts = false)
    {
        mask.CheckSize(source.Width, source.Height);
        MaskRegion? region = padding is int pixelsAround ? MaskRegion.Of(mask, pixelsAround, made.Width, made.Height) : null;
        if (region is null && (made.Width != source.Width || made.Height != source.Height))
            throw new InvalidSettingException("Width", $"The image is {made.Width}x{made.Height} pixels, and the one to paste back is {source.Width}x{source.Height}. Make it at that size, or paste nothing back.");
        MaskRegion place = region ?? new MaskRegion(0, 0, made.Width, made.Height);
        byte[] pixels = Paste(made, source, adapts ? AdaptedMask(made, source, place) : mask.Pixels, place, doubles);
        OrderedDictionary<string, object> settings = new(StringComparer.Ordinal);
        if (padding is int recorded)
            settings.Add(MaskCrop.PaddingSetting, (long)recorded);
        if (doubles)
            settings.Add(DoublesSetting, true);
        if (adapts)
            settings.Add(AdaptsSetting, true);
        GenerationStage stage = new()
        {
            Operation = StageOperation.PasteBack,
            Settings = settings,
            Inputs = new OrderedDictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { [ImageInput] = [source.Origin()], [MaskInput] = [mask.Origin()] },
            Output = StageList.Hash<byte>(pixels),
        };
        return new DiffusionImage(source.Width, source.Height, pixels, made.Info with { Stages = made.Origin().Append(stage) });
    }

    /// <summary>The made image's own mask at its place in the source, all of which is kept around it.</summary>
    private static byte[] AdaptedMask(DiffusionImage made, DiffusionImage source, MaskRegion place)
    {
        MaskImage overlay = made.Overlay ?? throw new NotRepeatableException("The image that is pasted over was not made by soft inpainting. The record is damaged.");
        byte[] inner = ImageResize.ResizePixels(overlay.Pixels, overlay.Width, overlay.Height, place.Width, place.Height, ResizeMode.Crop, "The mask");
        byte[] grays = new byte[source.Width * source.Height];
        for (int y = 0; y < place.Height; y++)
            inner.AsSpan(y * place.Width, place.Width).CopyTo(grays.AsSpan(((place.Top + y) * source.Width) + place.Left));
        return grays;
    }

    private static byte[] Paste(DiffusionImage made, DiffusionImage source, byte[] mask, MaskRegion place, bool doubles)
    {
        byte[] inner = ImageResize.ResizePixels(made.Pixels, made.Width, made.Height, place.Width, place.Height, ResizeMode.Crop, "The image");
        byte[] pixels = new byte[source.Pixels.Length];
        for (int y = 0, i = 0; y < source.Height; y++)
        {
            for (int x = 0; x < source.Width; x++, i++)
            {
                int grey = doubles ? Math.Min(mask[i] * 2, byte.MaxValue) : mask[i];
                AlphaPixel kept = AlphaPixel.Premultiplied(source.Pixels.AsSpan(i * DiffusionImage.Channels, DiffusionImage.Channels), (byte)(byte.MaxValue - grey)).Straight();
                AlphaPixel under = default;
                if (x >= place.Left && x < place.Right && y >= place.Top && y < place.Bottom)
                {
                    ReadOnlySpan<byte> color = inner.AsSpan((((y - place.Top) * place.Width) + x - place.Left) * DiffusionImage.Channels, DiffusionImage.Channels);
                    under = new AlphaPixel(color[0], color[1], color[2], byte.MaxValue);
                }

                AlphaPixel result = under.Under(kept);
                (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = (result.R, result.G, result.B);
            }
        }

        return pixels;
    }
}
