using System.Management.Automation;
using SdPowerShell.Errors;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Parameters;

/// <summary>
/// An image as a user gives it: the path of a file, a file, or an image in memory. Anything else is kept and rejected when it is
/// read: an error of PowerShell's parameter binding could not name the row.
/// </summary>
public sealed class ImageInput
{
    /// <summary>Keeps what was given.</summary>
    /// <param name="given">The object, without its PSObject wrapper; the error if it is the damaged copy of an image.</param>
    internal ImageInput(object given) => Given = given;

    /// <summary>What was given.</summary>
    internal object Given { get; }

    /// <summary>The file that contains the image; null for an image that was not written.</summary>
    internal string? Path => Given switch
    {
        DiffusionImage image => image.Path,
        FileSystemInfo file => file.FullName,
        _ => Given as string,
    };

    /// <summary>The images one by one, each with the full path of its file. A path without a file is written as an error, and the next one follows.</summary>
    /// <param name="cmdlet">The cmdlet that was given them.</param>
    /// <param name="images">The images.</param>
    /// <param name="hasWildcards">Whether the paths can have wildcards. Those of files that are given as objects never have.</param>
    internal static IEnumerable<ImageInput> Resolve(PSCmdlet cmdlet, IEnumerable<ImageInput> images, bool hasWildcards) => images.SelectMany(image => image.Given switch
    {
        string path => PathHelper.ResolveInput(cmdlet, [path], literal: !hasWildcards).Select(static file => new ImageInput(file)),
        FileSystemInfo file => PathHelper.ResolveInput(cmdlet, [file.FullName], literal: true).Select(static file => new ImageInput(file)),
        _ => [image],
    });

    /// <summary>Reads images, each also as a mask: where a record names an image, it can have been either.</summary>
    /// <param name="cmdlet">The cmdlet that was given them.</param>
    /// <param name="setting">The name of its parameter.</param>
    /// <param name="images">The images; paths can have wildcards.</param>
    internal static IEnumerable<(DiffusionImage Image, MaskImage Mask)> ReadAll(DiffusionCmdlet cmdlet, string setting, IEnumerable<ImageInput> images) => Resolve(cmdlet, images, hasWildcards: true).Select(input => (
        input.Read(setting, path => ImageFile.Load(path, cmdlet.CancellationToken), static image => image),
        input.Read(setting, path => ImageFile.LoadMask(path, cmdlet.CancellationToken), MaskImage.FromImage)));

    /// <summary>Reads the image that a parameter specifies.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="setting">The parameter's name.</param>
    /// <param name="read">Reads a file, by its path.</param>
    /// <param name="convert">Converts an image in memory.</param>
    /// <returns>The image.</returns>
    /// <exception cref="InvalidSettingException">What was given is no image.</exception>
    /// <exception cref="RecordException">It is the damaged copy of an image.</exception>
    internal T Read<T>(string setting, Func<string, T> read, Func<DiffusionImage, T> convert) => Given switch
    {
        DiffusionImage image => convert(image),
        string or FileSystemInfo => ReadFile(setting, read),
        RecordException damaged => throw damaged,
        _ => throw new InvalidSettingException(setting, $"{setting} is {Refusal}"),
    };

    /// <remarks>Where a command takes several images, the message says which of them it is.</remarks>
    private T ReadFile<T>(string setting, Func<string, T> read)
    {
        try
        {
            return read(Path!);
        }
        catch (ImageInvalidException error) when (setting.EndsWith("Image", StringComparison.Ordinal))
        {
            throw new ImageInvalidException($"{setting}: {error.Message}", error);
        }
    }

    /// <summary>What was given, which is no image, and what to give in place of it.</summary>
    internal string Refusal => $"'{this}' of type {TypeName}. Give the path of an image file, a file, or an image from New-DiffusionImage or ConvertFrom-Latent.";

    private string TypeName => Given is PSObject custom ? custom.TypeNames[0].Split('.')[^1] : Given.GetType().Name;

    /// <summary>What was given, as text.</summary>
    /// <returns>The path, or the description of the object.</returns>
    public override string ToString() => Path ?? LanguagePrimitives.ConvertTo<string>(Given);
}
