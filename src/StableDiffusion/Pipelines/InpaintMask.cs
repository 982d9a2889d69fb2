using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>Converts a mask image to one value for each latent pixel.</summary>
internal static class InpaintMask
{
    /// <summary>The lowest gray value that is repainted where a mask has only two values.</summary>
    public const int HalfBrightness = 128;

    /// <summary>The mask of the latent by the rule of a mode.</summary>
    /// <param name="mask">The mask, of the image's size.</param>
    /// <param name="width">The width of the latent.</param>
    /// <param name="height">The height of the latent.</param>
    /// <param name="mode">
    /// The mode: 0 and 1 by nearest neighbor (diffusers), or by the bicubic filter of Pillow (A1111); all values between by that filter
    /// (soft) or bilinear interpolation (ComfyUI's modes).
    /// </param>
    /// <param name="rounds">Whether A1111's mode has only 0 and 1.</param>
    /// <returns>1 where the mask is white (repaint) and 0 where it is black (keep), [1, 1, height, width].</returns>
    public static Tensor ToLatent(MaskImage mask, int width, int height, InpaintMode mode = InpaintMode.Diffusers, bool rounds = true) => mode switch
    {
        InpaintMode.Diffusers => Nearest(mask, width, height),
        InpaintMode.ComfyUI or InpaintMode.Differential => Bilinear(mask, width, height),
        _ => Bicubic(mask, width, height, isBinary: rounds && mode == InpaintMode.A1111),
    };

    private static Tensor Nearest(MaskImage mask, int width, int height)
    {
        Tensor latent = new(1, 1, height, width);
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = mask.Pixels.AsSpan(y * mask.Height / height * mask.Width, mask.Width);
            for (int x = 0; x < width; x++)
                latent.Values[(y * width) + x] = row[x * mask.Width / width] >= HalfBrightness ? 1 : 0;
        }

        return latent;
    }

    private static Tensor Bicubic(MaskImage mask, int width, int height, bool isBinary)
    {
        byte[] greys = Resampler.Resize(mask.Pixels, mask.Width, mask.Height, width, height, ResampleFilter.Bicubic, channels: 1);
        return new Tensor(Array.ConvertAll(greys, grey => isBinary ? grey >= HalfBrightness ? 1f : 0 : grey / (float)byte.MaxValue), 1, 1, height, width);
    }

    private static Tensor Bilinear(MaskImage mask, int width, int height)
    {
        Tensor latent = new(1, 1, height, width);
        for (int y = 0; y < height; y++)
        {
            (int top, int bottom, float down) = Place(y, height, mask.Height);
            for (int x = 0; x < width; x++)
            {
                (int left, int right, float across) = Place(x, width, mask.Width);
                float upper = float.Lerp(mask.Pixels[(top * mask.Width) + left], mask.Pixels[(top * mask.Width) + right], across);
                float lower = float.Lerp(mask.Pixels[(bottom * mask.Width) + left], mask.Pixels[(bottom * mask.Width) + right], across);
                latent.Values[(y * width) + x] = float.Lerp(upper, lower, down) / byte.MaxValue;
            }
        }

        return latent;
    }

    private static (int From, int To, float Weight) Place(int index, int length, int pixels)
    {
        float place = Math.Max((((index + 0.5f) * pixels) / length) - 0.5f, 0);
        int from = Math.Min((int)place, pixels - 1);
        return (from, Math.Min(from + 1, pixels - 1), place - from);
    }
}
