using StableDiffusion.Autoencoding;

namespace StableDiffusion.Denoising;

/// <summary>What the latents of a model are like.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Channels">The number of their channels.</param>
/// <param name="Factor">The number of pixels per latent value along each side.</param>
/// <param name="ScalingFactor">The factor of <see cref="LatentScaling"/>.</param>
public sealed record LatentSpace(string Model, int Channels, int Factor, float ScalingFactor)
{
    /// <summary>The longest side of an image in pixels.</summary>
    internal const int HighestSide = 8192;
}
