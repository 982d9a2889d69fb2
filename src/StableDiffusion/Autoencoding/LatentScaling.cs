namespace StableDiffusion.Autoencoding;

/// <summary>
/// The scaling between the latents of the autoencoder and those of the U-Net, which was trained on latents multiplied by this
/// factor, so that they have about unit variance. Never part of a graph.
/// </summary>
/// <param name="Factor">The scaling factor in the autoencoder's configuration; 0.18215 for Stable Diffusion 1 and 2.</param>
internal sealed record LatentScaling(float Factor)
{
    /// <summary>Scales the autoencoder's latent for the U-Net, in place.</summary>
    public void Apply(Span<float> values) => TensorPrimitives.Multiply(values, Factor, values);

    /// <summary>Scales the U-Net's latent for the autoencoder.</summary>
    public void Remove(ReadOnlySpan<float> values, Span<float> result) => TensorPrimitives.Divide(values, Factor, result);
}
