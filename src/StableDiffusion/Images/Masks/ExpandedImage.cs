namespace StableDiffusion.Images.Masks;

/// <summary>An image with borders, and the mask of the borders: what a request for an image starts from to paint them.</summary>
/// <param name="InitImage">The image.</param>
/// <param name="MaskImage">The mask, of the same size: white in the borders.</param>
public sealed record ExpandedImage(DiffusionImage InitImage, DiffusionImage MaskImage);
