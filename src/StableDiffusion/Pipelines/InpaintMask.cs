using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>Converts a mask image to one value for each latent pixel.</summary>
/// <remarks>As in diffusers: thresholded at half brightness, then reduced to the latent's size by nearest neighbor.</remarks>
internal static class InpaintMask
{
    /// <summary>The lowest gray value that is repainted.</summary>
    public const int HalfBrightness = 128;

    /// <summary>Returns 1 where the mask is white (repaint) and 0 where it is black (keep), [1, 1, height, width].</summary>
    public static Tensor ToLatent(MaskImage mask, int width, int height)
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
}
