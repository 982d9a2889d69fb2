namespace StableDiffusion.Denoising;

/// <summary>
/// Reuse of deep features: the whole U-Net runs in some calls only, and in the others its outer layers with what the inner ones
/// made last (DeepCache: Ma et al., arXiv 2312.00858).
/// </summary>
/// <param name="OuterLayers">The outer layers.</param>
/// <param name="Branch">Their branch, from 0 for the fewest layers.</param>
/// <param name="Interval">The whole U-Net runs in every call whose number is a multiple of it, 2 or more.</param>
internal sealed record FeatureReuse(UNet OuterLayers, int Branch, int Interval);
