using System.Security.Cryptography;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Manifests;

/// <summary>An image in a manifest: its file, its pixels, and the settings that made it.</summary>
public sealed class ManifestImage : GeneratedObject
{
    /// <summary>Initializes the image.</summary>
    /// <param name="info">The settings, without the names of images.</param>
    /// <param name="recorded">The settings as the file records them.</param>
    internal ManifestImage(GenerationInfo info, GenerationInfo recorded)
        : base(info) => InFile = recorded;

    /// <summary>The settings as the file records them, with the names of control images.</summary>
    internal GenerationInfo InFile { get; }

    /// <summary>The path of its file from the folder, with <c>/</c> between its parts.</summary>
    public required string Name { get; init; }

    /// <summary>The length of the file in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>The SHA-256 of the file, in hexadecimal digits.</summary>
    public required string FileHash { get; init; }

    /// <summary>The SHA-256 of the pixels (red, green and blue, row by row), in hexadecimal digits.</summary>
    public required string PixelHash { get; init; }

    /// <summary>The width in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The tool that wrote the settings.</summary>
    public MetadataSource Source { get; init; }

    /// <summary>Describes an image file.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="name">Its path from the folder.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="ImageInvalidException">It cannot be read as an image.</exception>
    internal static ManifestImage Of(string path, string name, CancellationToken cancellationToken)
    {
        byte[] data = ImageFile.ReadBytes(path, ImageFile.NameOf(path));
        (DiffusionImage image, ImageMetadata metadata) = MetadataReader.Decode(data, path, cancellationToken);
        TextEntry? record = metadata.Entries.FirstOrDefault(static text => text.Keyword == ImageTexts.RecordName);
        return new ManifestImage(image.Info, (record is null ? null : GenerationRecord.Read(record.Text)) ?? image.Info)
        {
            Name = name,
            Length = data.Length,
            FileHash = HashOf(data),
            PixelHash = HashOf(image.Pixels),
            Width = image.Width,
            Height = image.Height,
            Source = metadata.Source,
        };
    }

    /// <summary>The full path of the file.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <returns>The path.</returns>
    /// <exception cref="OutputWriteException">A link in it leads out of the folder, or cannot be followed.</exception>
    public string PathIn(string folder)
    {
        string path = Path.Combine(folder, Name.Replace('/', Path.DirectorySeparatorChar));
        try
        {
            if (RealPath.IsInside(RealPath.Of(path), RealPath.Of(folder)))
                return path;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"'{path}' cannot be used: {Sentence.Of(error)}", error);
        }

        throw new OutputWriteException($"'{path}' leads out of the folder '{folder}' by a link, and is neither read nor written. Remove the link.");
    }

    /// <summary>Compares the file with the manifest.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>What became of it.</returns>
    /// <exception cref="OutputWriteException">As for <see cref="PathIn"/>.</exception>
    public ManifestFileState Compare(string folder, CancellationToken cancellationToken = default)
    {
        string path = PathIn(folder);
        if (!Path.Exists(path))
            return ManifestFileState.Missing;

        try
        {
            string shown = ImageFile.NameOf(path);
            byte[] data = ImageFile.ReadBytes(path, shown);
            if (HasBytes(data))
                return ManifestFileState.Equal;
            return HasPixels(ImageDecoder.Decode(data, shown, BackgroundColor.White, judge: null, cancellationToken)) ? ManifestFileState.EqualPixels : ManifestFileState.Changed;
        }
        catch (ImageInvalidException)
        {
            return ManifestFileState.Unreadable;
        }
    }

    /// <summary>A short description.</summary>
    /// <returns>The name, and the prompt if it is known.</returns>
    public override string ToString() => PrintableText.Of(Prompt is null ? Name : $"{Name}: {Prompt}");

    /// <summary>Whether an image has these pixels.</summary>
    internal bool HasPixels(DiffusionImage image) => image.Width == Width && image.Height == Height && HashOf(image.Pixels) == PixelHash;

    /// <summary>Whether a file has these bytes.</summary>
    internal bool HasBytes(byte[] data) => data.Length == Length && HashOf(data) == FileHash;

    private static string HashOf(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
