using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Previews;

/// <summary>Images of latents that take no decoder: a pixel for each cell.</summary>
internal static class LatentPreview
{
    /// <summary>The setting that names the colors in the record.</summary>
    public const string ColorsSetting = "Colors";

    /// <summary>Shows a latent by the colors of its cells.</summary>
    /// <param name="latent">The latent.</param>
    /// <param name="colors">The colors.</param>
    /// <returns>The image, which has the settings of the latent, and says in its record that it is a preview.</returns>
    /// <exception cref="ShapeMismatchException">The latent has another number of channels.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    public static DiffusionImage Create(Latent latent, LatentColors colors)
    {
        if (latent.Tensor.Shape[1] != colors.Factors.Length)
            throw new ShapeMismatchException($"The colors of {colors.Name} are for latents of {colors.Factors.Length} channels, not {latent.Tensor}. Decode the latent instead.");
        latent.CheckFinite();
        byte[] pixels = PixelTensor.ToPixels(ToColors(latent.Tensor, colors), ByteRounding.Down);
        StageList stages = latent.Origin().Append(StageOperation.Preview, StageList.Hash<byte>(pixels), (ColorsSetting, colors.Name));
        return new DiffusionImage(latent.Tensor.Shape[3], latent.Tensor.Shape[2], pixels, latent.Info with { Stages = stages });
    }

    /// <summary>The colors of a latent's cells.</summary>
    /// <param name="latent">The latent, [1, channels, height, width].</param>
    /// <param name="colors">The colors.</param>
    /// <returns>Red, green and blue, [1, 3, height, width], from -1 (black) to 1.</returns>
    internal static Tensor ToColors(Tensor latent, LatentColors colors)
    {
        Tensor result = new(1, DiffusionImage.Channels, latent.Shape[2], latent.Shape[3]);
        int cells = latent.Shape[2] * latent.Shape[3];
        Fill(0, static color => color.Red);
        Fill(1, static color => color.Green);
        Fill(2, static color => color.Blue);
        return result;

        void Fill(int plane, Func<(float Red, float Green, float Blue), float> part)
        {
            Span<float> sum = result.Span.Slice(plane * cells, cells);
            sum.Fill(part(colors.Bias));
            for (int channel = 0; channel < colors.Factors.Length; channel++)
                TensorPrimitives.MultiplyAdd(latent.Span.Slice(channel * cells, cells), part(colors.Factors[channel]), sum, sum);
        }
    }
}
