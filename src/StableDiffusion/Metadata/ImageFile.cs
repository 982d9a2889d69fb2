using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Metadata;

/// <summary>Reads and writes image files, with what made the image in them. All members may be called by several threads at a time.</summary>
public static class ImageFile
{
    // Enough for the settings that follow the two prompts.
    private const int MaxPromptInJpeg = (ExifComment.MaxLengthInJpeg / 2) - 1000;

    // A picture of the largest size, uncompressed, with four channels of 16 bits.
    private const long MaxFileSize = ImageLibrary.MaxPixels * 8;

    /// <summary>Reads an image: PNG, JPEG, WebP, GIF (of animations the first frame), BMP, TIFF or TGA, told by the content and not by the name.</summary>
    /// <param name="path">The file.</param>
    /// <returns>
    /// The picture in sRGB with 8 bits a channel, turned as its EXIF orientation says; white lies behind what is not opaque.
    /// </returns>
    /// <exception cref="ImageInvalidException">
    /// There is no such file, or it cannot be opened, is no image, is damaged, of a kind that is not read, or has more than 64 megapixels.
    /// </exception>
    public static DiffusionImage Read(string path) => Read(path, byte.MaxValue);

    /// <summary>Reads a mask from a picture of any of the formats that <see cref="Read(string)"/> takes.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Its grey values; black, which keeps, lies behind what is not opaque.</returns>
    /// <exception cref="ImageInvalidException">As for <see cref="Read(string)"/>.</exception>
    public static MaskImage ReadMask(string path) => MaskImage.FromImage(Read(path, 0));

    /// <summary>Tells the format that a file name asks for.</summary>
    /// <param name="path">The file name.</param>
    /// <returns>The format.</returns>
    /// <exception cref="InvalidSettingException">The name ends in none of the extensions that are written.</exception>
    public static ImageFormat FormatOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string extension = Path.GetExtension(path);
        return ImageEncoder.Formats.FirstOrDefault(format => format.Extensions.Any(known => extension.Equals("." + known, StringComparison.OrdinalIgnoreCase)))?.Format
            ?? throw new InvalidSettingException("Path", $"The format of '{path}' cannot be written. End the name in {Spelling.Choices([.. ImageEncoder.Formats.SelectMany(format => format.Extensions).Select(known => "." + known)])}.");
    }

    /// <summary>Finds out whether a file can be written under a name, as far as that can be told without writing.</summary>
    /// <param name="path">The file name.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The name is a folder's, or the folder of the file neither exists nor can be made.</exception>
    public static void CheckTarget(string path, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        OutputFile.Check(FullPath(path), overwrite);
    }

    /// <summary>Writes a picture into a file, whole or not at all, and keeps the file's path in it.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="path">The file; its extension says the format: .png, .jpg, .jpeg or .webp.</param>
    /// <param name="options">How; null for the usual way.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written; nothing of it is left behind.</exception>
    /// <exception cref="InvalidSettingException">The extension or the options ask for what cannot be done.</exception>
    /// <exception cref="ImageInvalidException">The format cannot hold a picture of that size.</exception>
    public static string Write(DiffusionImage image, string path, ImageWriteOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new ImageWriteOptions();

        ImageFormat format = FormatOf(path);
        string fullPath = FullPath(path);
        if (options.AddsNumber)
            fullPath = OutputFile.WriteNumbered(fullPath, Write);
        else
            OutputFile.Write(fullPath, options.Overwrite, Write);
        image.Path = fullPath;
        return fullPath;

        void Write(Stream stream) => stream.Write(Encode(image, format, options));
    }

    /// <summary>The bytes of an image's file, with its metadata unless the options leave that out.</summary>
    /// <inheritdoc cref="ImageEncoder.Encode"/>
    internal static byte[] Encode(DiffusionImage image, ImageFormat format, ImageWriteOptions options) =>
        ImageEncoder.Encode(image, format, options, options.Metadata ? TextsOf(image.Info, format) : ImageTexts.None);

    private static ImageTexts TextsOf(GenerationInfo info, ImageFormat format) =>
        new(Infotext.Format(format == ImageFormat.Jpeg ? Shorten(info) : info), GenerationRecord.Write(info));

    private static GenerationInfo Shorten(GenerationInfo info) => info with
    {
        Prompt = Shorten(info.Prompt),
        NegativePrompt = Shorten(info.NegativePrompt),
    };

    private static string? Shorten(string? prompt) => prompt?.Length > MaxPromptInJpeg ? prompt[..MaxPromptInJpeg] : prompt;

    private static string FullPath(string path)
    {
        try
        {
            return Path.GetFullPath(path);
        }
        catch (Exception error) when (error is ArgumentException or IOException or NotSupportedException)
        {
            throw new OutputWriteException($"'{path}' is no name that a file can have: {error.Message}", error);
        }
    }

    private static DiffusionImage Read(string path, byte background)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);

        string name = $"The file '{path}'";
        DiffusionImage image = ImageDecoder.Decode(ReadBytes(path, name), name, background);
        image.Path = Path.GetFullPath(path);
        return image;
    }

    /// <summary>Reads a file whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">What messages call it.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ImageInvalidException">There is no such file, it cannot be opened, is empty, or too large for a picture.</exception>
    internal static byte[] ReadBytes(string path, string name)
    {
        if (Directory.Exists(path))
            throw new ImageInvalidException($"'{path}' is a folder. Name a picture file in it.");
        if (!File.Exists(path))
            throw new ImageInvalidException($"There is no file '{path}'. Check the name.");

        try
        {
            // Pipes and devices have no length; opening one could wait for ever.
            if (new FileInfo(path).Length == 0)
                throw new ImageInvalidException($"{name} is empty.");

            using FileStream stream = File.OpenRead(path);
            if (stream.Length > MaxFileSize)
                throw new ImageInvalidException($"{name} has {stream.Length} bytes, more than a picture that is read may have ({MaxFileSize}).");

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImageInvalidException($"{name} cannot be opened: {error.Message}", error);
        }
    }
}
