using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// The embedding of the guidance scale that models take which were distilled with guidance. Source: Kingma et al.,
/// arXiv 2107.00630; diffusers' LatentConsistencyModelPipeline.get_guidance_scale_embedding.
/// </summary>
internal static class GuidanceEmbedding
{
    private const double Factor = 1000;
    private const double MaxPeriod = 10000;

    /// <summary>Computes the embedding: sines, then cosines, of (scale - 1) · 1000 at decreasing frequencies.</summary>
    /// <param name="guidanceScale">The guidance scale.</param>
    /// <param name="width">The number of sines and cosines, even.</param>
    /// <returns>The embedding [1, width].</returns>
    public static Tensor Of(double guidanceScale, int width)
    {
        float[] values = new float[width];
        int half = width / 2;

        // In 32-bit floats like the reference: the angles are up to thousands.
        float angle = (float)(guidanceScale - 1) * (float)Factor;
        float step = MathF.Log((float)MaxPeriod) / (half - 1);
        for (int i = 0; i < half; i++)
            (values[i], values[half + i]) = MathF.SinCos(angle * MathF.Exp(i * -step));
        return new Tensor(values, 1, width);
    }
}
