using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Parameters;

/// <summary>The output file of an image.</summary>
/// <param name="path">Its full path; if the name is generated, one that is free at this time.</param>
/// <param name="options">How it is written.</param>
/// <param name="unnumbered">The full path without a number if the name is generated; null if the user chose the name.</param>
internal sealed class OutputTarget(string path, ImageWriteOptions options, string? unnumbered = null)
{
    /// <summary>The full path. If the name is generated, another program may still use it first; the image then gets the next number.</summary>
    public string Path => path;

    /// <summary>Throws if the file cannot be written, as far as that can be determined without writing.</summary>
    public void Check()
    {
        ImageFile.FormatOf(path);
        ImageFile.CheckTarget(path, options.Overwrite);
    }

    /// <summary>Creates the folder of the file and its parent folders.</summary>
    public void CreateFolder()
    {
        string folder = System.IO.Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{folder}' cannot be created: {error.Message} Choose another folder.", error);
        }
    }

    /// <summary>Writes the image.</summary>
    /// <param name="image">The image.</param>
    /// <returns>The full path of the file that was written.</returns>
    public string Write(DiffusionImage image) =>
        ImageFile.Write(image, unnumbered ?? path, options with { AddsNumber = unnumbered is not null });
}
