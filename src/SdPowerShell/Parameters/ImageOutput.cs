using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Parameters;

/// <summary>Writes images to output files.</summary>
/// <param name="options">How they are written.</param>
/// <param name="cancellationToken">Cancels the writing.</param>
internal sealed class ImageOutput(ImageWriteOptions options, CancellationToken cancellationToken)
{
    /// <summary>Throws if an image cannot be written to a path, as far as that can be determined without writing.</summary>
    /// <param name="target">The file.</param>
    public void Check(OutputTarget target)
    {
        ImageFile.FormatOf(target.Path);
        ImageFile.CheckTarget(target.Path, options.Overwrite || target.IsGenerated);
    }

    /// <summary>Writes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="path">The full path.</param>
    /// <param name="addsNumber">Whether the name gets a number if it is taken.</param>
    /// <returns>The full path of the file that was written.</returns>
    public string Write(DiffusionImage image, string path, bool addsNumber) => ImageFile.Write(image, path, options with { AddsNumber = addsNumber }, cancellationToken);
}
