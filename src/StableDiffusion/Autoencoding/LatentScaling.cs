namespace StableDiffusion.Autoencoding;

/// <summary>
/// How the autoencoder's own space and the U-Net's differ: the U-Net was trained on latents times this factor, so that
/// they have about unit variance. Never part of a graph.
/// </summary>
/// <param name="Factor">The scaling factor of the autoencoder's config; 0.18215 for Stable Diffusion 1 and 2.</param>
internal sealed record LatentScaling(float Factor)
{
    /// <summary>From the autoencoder's space to the U-Net's, in place.</summary>
    public void Apply(Span<float> values) => TensorPrimitives.Multiply(values, Factor, values);

    /// <summary>From the U-Net's space to the autoencoder's.</summary>
    public void Remove(ReadOnlySpan<float> values, Span<float> result) => TensorPrimitives.Divide(values, Factor, result);
}
