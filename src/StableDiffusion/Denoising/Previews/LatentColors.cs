namespace StableDiffusion.Denoising.Previews;

/// <summary>
/// The color that a cell of a latent stands for, without the decoder: a sum of its channels, each with a weight for red, green and
/// blue. The weights were fitted by others to the autoencoders of Stable Diffusion. Source: ComfyUI, <c>comfy/latent_formats.py</c>.
/// </summary>
/// <param name="Name">The name of the latents, for records.</param>
/// <param name="ScalingFactor">The scaling factor of the autoencoder, by which it is known.</param>
/// <param name="Factors">The weights of each channel.</param>
/// <param name="Bias">What is added to red, green and blue.</param>
internal sealed record LatentColors(string Name, float ScalingFactor, (float Red, float Green, float Blue)[] Factors, (float Red, float Green, float Blue) Bias)
{
    // All autoencoders with known colors have it.
    private const int CellSide = 8;

    private const float Tolerance = 1e-4f;

    private static readonly LatentColors[] s_all =
    [
        new("StableDiffusion1", 0.18215f, [(0.3512f, 0.2297f, 0.3227f), (0.3250f, 0.4974f, 0.2350f), (-0.2829f, 0.1762f, 0.2721f), (-0.2120f, -0.2616f, -0.7177f)], default),
        new("StableDiffusionXL", 0.13025f, [(0.3651f, 0.4232f, 0.4341f), (-0.2533f, -0.0042f, 0.1068f), (0.1076f, 0.1111f, -0.0362f), (-0.3165f, -0.2492f, -0.2188f)], (0.1084f, -0.0175f, -0.0011f)),
    ];

    /// <summary>The colors of the latents of a model.</summary>
    /// <param name="space">What the latents are like.</param>
    /// <returns>The colors; null if they are not known. Stable Diffusion 1 and 2 have one autoencoder, and so have XL and its refiner.</returns>
    public static LatentColors? Of(LatentSpace space) => Array.Find(s_all, row => row.Factors.Length == space.Channels && space.Factor == CellSide && Math.Abs(row.ScalingFactor - space.ScalingFactor) < Tolerance);

    /// <summary>The colors of a name.</summary>
    /// <param name="name">The name; may be null.</param>
    /// <returns>The colors; null if there are none.</returns>
    public static LatentColors? Find(string? name) => Array.Find(s_all, row => row.Name == name);
}
