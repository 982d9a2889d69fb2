using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>The extra inputs of an inpainting U-Net: the mask, and the latent of the masked image.</summary>
/// <remarks>As in diffusers' StableDiffusionInpaintPipeline for U-Nets with nine channels; without a mask, as in A1111.</remarks>
internal static class MaskedPicture
{
    /// <summary>For an image and a mask.</summary>
    /// <param name="pixels">The image, [1, 3, height, width] in -1..1.</param>
    /// <param name="mask">The mask, as large as the image.</param>
    /// <param name="latentMask">The mask at the latent's size, [1, 1, height, width].</param>
    /// <param name="encoder">The autoencoder.</param>
    /// <param name="noise">The noise that the latent is sampled with.</param>
    /// <param name="cancellationToken">Stops the encoding.</param>
    /// <returns>The channels, [1, 1 + latent channels, height, width].</returns>
    public static Tensor Of(Tensor pixels, MaskImage mask, Tensor latentMask, Autoencoder encoder, INoiseSource noise, CancellationToken cancellationToken)
    {
        Tensor kept = pixels.Clone();
        for (int i = 0; i < kept.Length; i++)
        {
            // The threshold is half brightness, and 0 is gray.
            if (mask.Pixels[i % mask.Pixels.Length] >= InpaintMask.HalfBrightness)
                kept.Values[i] = 0;
        }

        return Join(latentMask, encoder.Encode(kept, noise, cancellationToken).Latent);
    }

    /// <summary>The inputs without an image: everything is repainted.</summary>
    /// <param name="height">The height in pixels.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="encoder">The autoencoder.</param>
    /// <param name="cancellationToken">Stops the encoding.</param>
    /// <returns>The channels, [1, 1 + latent channels, height, width].</returns>
    public static Tensor OfNothing(int height, int width, Autoencoder encoder, CancellationToken cancellationToken)
    {
        Tensor grey = encoder.Encode(new Tensor(1, DiffusionImage.Channels, height, width), noise: null, cancellationToken).Latent;
        Tensor all = new(1, 1, grey.Shape[2], grey.Shape[3]);
        all.Span.Fill(1);
        return Join(all, grey);
    }

    private static Tensor Join(Tensor mask, Tensor latent) =>
        new([.. mask.Values, .. latent.Values], 1, mask.Shape[1] + latent.Shape[1], latent.Shape[2], latent.Shape[3]);
}
