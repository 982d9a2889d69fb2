namespace StableDiffusion.Sampling;

/// <summary>Whether the U-Net predicts for a latent in overlapping windows, and how their predictions are averaged.</summary>
public enum DiffusionTiling
{
    /// <summary>For the whole latent at once.</summary>
    None,

    /// <summary>In windows of equal weight (Bar-Tal et al., arXiv 2302.08113).</summary>
    MultiDiffusion,

    /// <summary>In windows whose weight falls off from the middle, as a Gaussian does (Jiménez, arXiv 2302.02412).</summary>
    Mixture,
}
