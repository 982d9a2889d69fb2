using StableDiffusion.Library;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Manifests;

/// <summary>
/// The manifest of a folder of images: for each image the hashes of its file and of its pixels and the record of how it was
/// made, and for all of them the models and adapters with where they came from. It has no time and no path of this machine, so that
/// the same folder always has the same manifest.
/// </summary>
public sealed class FolderManifest
{
    /// <summary>The name of the file if no other is chosen.</summary>
    public const string FileName = "manifest.json";

    private const int MostParts = 32;

    private static readonly string[] s_endings = [".png", ".jpg", ".jpeg", ".webp"];

    internal FolderManifest(IReadOnlyList<ManifestImage> images, IReadOnlyList<ManifestPart> parts, StageMaker made)
    {
        Images = images;
        Parts = parts;
        Made = made;
    }

    /// <summary>The full path of the file that it was read from or written to; empty if there is none.</summary>
    public string Path { get; internal set; } = string.Empty;

    /// <summary>The images, ordered by their names.</summary>
    public IReadOnlyList<ManifestImage> Images { get; }

    /// <summary>The models and adapters that the images were made with.</summary>
    public IReadOnlyList<ManifestPart> Parts { get; }

    /// <summary>The versions and the processor that wrote the manifest.</summary>
    public StageMaker Made { get; }

    /// <summary>Finds the image files in a folder: .png, .jpg, .jpeg and .webp. Links, and names that begin with a dot, are left out.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="recurses">Whether those in its subfolders are found too.</param>
    /// <returns>The paths from the folder, with <c>/</c> between their parts, in order.</returns>
    /// <exception cref="ImageInvalidException">The folder cannot be read.</exception>
    public static IReadOnlyList<string> FindImages(string folder, bool recurses)
    {
        EnumerationOptions options = new() { RecurseSubdirectories = recurses, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        try
        {
            return
            [
                .. Directory.EnumerateFiles(folder, "*", options)
                    .Where(IsImage)
                    .Select(file => System.IO.Path.GetRelativePath(folder, file).Replace(System.IO.Path.DirectorySeparatorChar, '/'))
                    .Where(static name => !name.Split('/').Any(static part => part.StartsWith('.')))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImageInvalidException($"The folder '{folder}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Whether a path from the folder can be that of an image in a manifest: every system can write it, it has no letters that cannot be seen, and nothing in it is hidden.</summary>
    /// <param name="name">The path, with <c>/</c> between its parts.</param>
    internal static bool IsName(string name) => IsImage(name) && ModelFilePath.IsSafe(name) && PrintableText.Of(name, int.MaxValue) == name
        && name.Split('/') is { Length: <= MostParts } parts && !Array.Exists(parts, static part => part.StartsWith('.'));

    private static bool IsImage(string path) => s_endings.Contains(System.IO.Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Describes an image file.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="name">The path of the file from there, as <see cref="FindImages"/> returns it.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image.</returns>
    /// <exception cref="ImageInvalidException">It cannot be read as an image, or has a name that not every system can write.</exception>
    public static ManifestImage Describe(string folder, string name, CancellationToken cancellationToken = default) => IsName(name)
        ? ManifestImage.Of(System.IO.Path.Combine(folder, name), name, cancellationToken)
        : throw new ImageInvalidException($"The file '{PrintableText.Of(name)}' cannot be in a manifest: not every system can write or show its name. Rename it without the characters \\ : * ? \" < > | and without letters that cannot be seen.");

    /// <summary>Initializes the manifest of images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="library">The models and adapters, of which it is known where they came from.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The manifest.</returns>
    public static FolderManifest Of(IEnumerable<ManifestImage> images, ModelLibrary library, CancellationToken cancellationToken = default)
    {
        ManifestImage[] all = [.. images];
        return new FolderManifest(all, ManifestParts.Of(all, library, cancellationToken), StageMaker.Cpu);
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The full path of its file.</param>
    /// <returns>The manifest.</returns>
    /// <exception cref="ManifestInvalidException">The file does not exist, cannot be read, is too large, or is not a manifest.</exception>
    public static FolderManifest Read(string path)
    {
        FolderManifest manifest = ManifestJson.Parse(ManifestJson.ReadBytes(path), $"'{path}'");
        manifest.Path = path;
        return manifest;
    }

    /// <summary>Writes the manifest, whole or not at all.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written, or would be larger than one that can be read.</exception>
    public void Write(string path, bool overwrite)
    {
        byte[] json = ManifestJson.Format(this);
        if (json.Length > ManifestJson.MaxLength)
            throw new OutputWriteException($"The manifest '{path}' would have {ByteSize.Format(json.Length)}. {ManifestJson.Advice}");
        OutputFile.Write(path, overwrite, stream => stream.Write(json));
        Path = path;
    }

    /// <summary>Throws if the manifest cannot be written, as far as that can be known.</summary>
    /// <inheritdoc cref="Write"/>
    public static void CheckTarget(string path, bool overwrite) => OutputFile.Check(path, overwrite);

    /// <summary>A short description.</summary>
    /// <returns>The number of images.</returns>
    public override string ToString() => $"{Images.Count} images";
}
