using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Parameters;

/// <summary>The file that an image is to be written to.</summary>
/// <param name="path">Its full path; where nobody chose the name, the one that is free by now.</param>
/// <param name="options">How it is written.</param>
/// <param name="unnumbered">The full path without a number, where nobody chose the name; null where it is the user's own.</param>
internal sealed class OutputTarget(string path, ImageWriteOptions options, string? unnumbered = null)
{
    /// <summary>The full path. Where nobody chose the name, another program may still take it; the image then gets the next number.</summary>
    public string Path => path;

    /// <summary>Finds what would keep the file from being written, as far as that can be told without writing.</summary>
    public void Check()
    {
        ImageFile.FormatOf(path);
        ImageFile.CheckTarget(path, options.Overwrite);
    }

    /// <summary>Makes the folder that the file is to lie in, with those above it.</summary>
    public void CreateFolder()
    {
        string folder = System.IO.Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{folder}' cannot be made: {error.Message} Choose another folder.", error);
        }
    }

    /// <summary>Writes the image.</summary>
    /// <param name="image">The image.</param>
    /// <returns>The full path of the file that was written.</returns>
    public string Write(DiffusionImage image) =>
        ImageFile.Write(image, unnumbered ?? path, options with { AddsNumber = unnumbered is not null });
}
