using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>Turns a mask picture into one value a latent pixel.</summary>
/// <remarks>As diffusers: cut at half of full brightness, then the nearest neighbour down to the latent's size.</remarks>
internal static class InpaintMask
{
    /// <summary>The lowest grey value that is painted anew.</summary>
    public const int HalfBrightness = 128;

    /// <summary>1 where the mask is white (paint anew) and 0 where it is black (keep), [1, 1, height, width].</summary>
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
