using StableDiffusion.Settings;

namespace StableDiffusion.Images.Masks;

/// <summary>An image with borders, and the mask of the borders: what a request for an image starts from to paint them.</summary>
/// <param name="InitImage">The image.</param>
/// <param name="MaskImage">The mask, of the same size: white in the borders.</param>
public sealed record ExpandedImage(DiffusionImage InitImage, DiffusionImage MaskImage)
{
    /// <summary>The full path of the file of the image before it got its borders; null if there is none.</summary>
    internal string? File => InitImage.Stages is [{ Operation: StageOperation.ReadImage } file, { Operation: StageOperation.Expand }] ? file.Text("Path") : null;
}
