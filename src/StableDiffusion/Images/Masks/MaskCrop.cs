using StableDiffusion.Settings;

namespace StableDiffusion.Images.Masks;

/// <summary>Crops an image and its mask to the region around the white part of the mask, at the size that the region is made at.</summary>
internal static class MaskCrop
{
    /// <summary>The setting of the stage with the padding.</summary>
    public const string PaddingSetting = "Padding";

    /// <summary>Crops an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The mask, of the same size.</param>
    /// <param name="padding">The padding in pixels.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <returns>The region at that size, which records the stage.</returns>
    /// <exception cref="ImageInvalidException">The mask has another size, or is black everywhere.</exception>
    public static DiffusionImage Crop(DiffusionImage image, MaskImage mask, int padding, int width, int height)
    {
        mask.CheckSize(image.Width, image.Height);
        byte[] pixels = Crop(image.Pixels, DiffusionImage.Channels, mask, padding, width, height);
        GenerationStage stage = StageOf(padding, width, height, pixels, new OrderedDictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { [PasteBack.MaskInput] = [mask.Origin()] });
        return new DiffusionImage(width, height, pixels, image.Info with { Stages = image.Origin().Append(stage) });
    }

    /// <summary>Crops the mask itself.</summary>
    /// <inheritdoc cref="Crop(DiffusionImage, MaskImage, int, int, int)"/>
    public static MaskImage Crop(MaskImage mask, int padding, int width, int height)
    {
        byte[] pixels = Crop(mask.Pixels, channels: 1, mask, padding, width, height);
        return MaskImage.Made(width, height, pixels, mask.Origin().Append(StageOf(padding, width, height, pixels, new OrderedDictionary<string, IReadOnlyList<StageList>>())));
    }

    private static GenerationStage StageOf(int padding, int width, int height, byte[] pixels, OrderedDictionary<string, IReadOnlyList<StageList>> inputs) => new()
    {
        Operation = StageOperation.CropToMask,
        Settings = new OrderedDictionary<string, object>(StringComparer.Ordinal) { [PaddingSetting] = (long)padding, ["Width"] = (long)width, ["Height"] = (long)height },
        Inputs = inputs,
        Output = StageList.Hash<byte>(pixels),
    };

    private static byte[] Crop(byte[] pixels, int channels, MaskImage mask, int padding, int width, int height)
    {
        ImageResize.CheckSize(width, height);
        MaskRegion region = MaskRegion.Of(mask, padding, width, height);
        byte[] cropped = new byte[region.Width * region.Height * channels];
        for (int y = 0; y < region.Height; y++)
        {
            pixels.AsSpan((((region.Top + y) * mask.Width) + region.Left) * channels, region.Width * channels)
                .CopyTo(cropped.AsSpan(y * region.Width * channels));
        }

        return ImageResize.ResizePixels(cropped, region.Width, region.Height, width, height, ResizeMode.Fill, "The region around the mask");
    }
}
