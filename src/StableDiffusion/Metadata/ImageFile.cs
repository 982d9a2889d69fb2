using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Metadata;

/// <summary>Reads and writes image files with their generation settings. Thread-safe.</summary>
public static class ImageFile
{
    // Leaves enough space for the settings after the two prompts.
    private const int MaxPromptInJpeg = (ExifComment.MaxLengthInJpeg / 2) - 1000;

    // An image of the largest size, uncompressed, with four channels of 16 bits.
    private const long MaxFileSize = ImageLibrary.MaxPixels * 8;

    /// <summary>Reads an image: PNG, JPEG, WebP, GIF (the first frame of an animation), BMP, TIFF or TGA. The format is detected from the contents, not from the name.</summary>
    /// <param name="path">The file.</param>
    /// <returns>
    /// The image in sRGB with 8 bits a channel, rotated as its EXIF orientation specifies; the background of pixels that are not opaque is white.
    /// </returns>
    /// <exception cref="ImageInvalidException">
    /// The file does not exist, cannot be opened, is not an image, is damaged, of an unsupported kind, or has more than 64 megapixels.
    /// </exception>
    public static DiffusionImage Read(string path) => Load(path, CancellationToken.None);

    /// <summary>Reads an image as <see cref="Read"/> does, with the settings that the file records, as <see cref="MetadataReader"/> reads them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image. Its settings hold no path; they are empty if the file records none in a known form.</returns>
    /// <exception cref="ImageInvalidException">As for <see cref="Read"/>.</exception>
    public static DiffusionImage ReadWithSettings(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return MetadataReader.LoadImage(path, cancellationToken).Image;
    }

    /// <summary>Reads a mask from an image of any format that <see cref="Read"/> supports.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The mask: the opacity of the pixels if any is not opaque, otherwise the gray values of the image.</returns>
    /// <exception cref="ImageInvalidException">As for <see cref="Read"/>.</exception>
    public static MaskImage ReadMask(string path) => LoadMask(path, CancellationToken.None);

    /// <summary>Reads an image as <see cref="Read"/> does, until it is cancelled.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <param name="judge">Gets the size of the image before its pixels are decoded, and may throw; may be null.</param>
    internal static DiffusionImage Load(string path, CancellationToken cancellationToken, Action<int, int>? judge = null) => Load(path, BackgroundColor.White, cancellationToken, judge);

    /// <summary>Reads an image in which a color is behind the pixels that are not opaque.</summary>
    internal static DiffusionImage Load(string path, BackgroundColor background, CancellationToken cancellationToken, Action<int, int>? judge = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);

        string name = NameOf(path);
        DiffusionImage image = ImageDecoder.Decode(ReadBytes(path, name), name, background, judge, cancellationToken);
        image.MarkRead(Path.GetFullPath(path), background);
        return image;
    }

    /// <summary>Reads a mask as <see cref="ReadMask"/> does, until it is cancelled.</summary>
    internal static MaskImage LoadMask(string path, CancellationToken cancellationToken) => MaskImage.FromImage(LoadMaskPixels(path, cancellationToken));

    /// <summary>Reads a mask as an image: the opacity of its pixels if any is not opaque, otherwise the colors.</summary>
    internal static DiffusionImage LoadMaskPixels(string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string name = NameOf(path);
        DiffusionImage image = ImageDecoder.DecodeMask(ReadBytes(path, name), name, out bool isAlpha, cancellationToken);
        image.MarkRead(Path.GetFullPath(path), BackgroundColor.Black, isAlpha);
        return image;
    }

    /// <summary>Determines the format from the extension of a file name.</summary>
    /// <param name="path">The file name.</param>
    /// <returns>The format.</returns>
    /// <exception cref="InvalidSettingException">The name does not end in a supported extension.</exception>
    public static ImageFormat FormatOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string extension = Path.GetExtension(path);
        return ImageEncoder.Formats.FirstOrDefault(format => format.Extensions.Any(known => extension.Equals("." + known, StringComparison.OrdinalIgnoreCase)))?.Format
            ?? throw new InvalidSettingException("Path", $"The format of '{path}' cannot be written. End the name in {Spelling.Choices([.. ImageEncoder.Formats.SelectMany(format => format.Extensions).Select(known => "." + known)])}.");
    }

    /// <summary>Throws if a file cannot be written under a name, as far as that can be determined without writing.</summary>
    /// <param name="path">The file name.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The name is that of a folder, or the folder of the file neither exists nor can be created.</exception>
    public static void CheckTarget(string path, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        OutputFile.Check(FullPath(path), overwrite);
    }

    /// <summary>Writes an image to a file, completely or not at all, and sets the image's path.</summary>
    /// <param name="image">The image.</param>
    /// <param name="path">The file; its extension determines the format: .png, .jpg, .jpeg or .webp.</param>
    /// <param name="options">The options; null means the defaults.</param>
    /// <param name="cancellationToken">Cancels the writing; no file remains then.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written; no partial file remains.</exception>
    /// <exception cref="InvalidSettingException">The extension or an option is not supported.</exception>
    /// <exception cref="ImageInvalidException">The format cannot hold an image of that size.</exception>
    public static string Write(DiffusionImage image, string path, ImageWriteOptions? options = null, CancellationToken cancellationToken = default)
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

        void Write(Stream stream) => stream.Write(Encode(image, format, options, cancellationToken));
    }

    /// <summary>Encodes an image with its metadata, unless the options omit it. It has the names of files, but not their folders, which are the user's own.</summary>
    /// <inheritdoc cref="ImageEncoder.Encode"/>
    internal static byte[] Encode(DiffusionImage image, ImageFormat format, ImageWriteOptions options, CancellationToken cancellationToken = default) =>
        Encode(image, RecordedNames.Only(image.Recorded), format, options, cancellationToken);

    /// <summary>An image and its settings as bytes, which are those of a PNG file.</summary>
    /// <param name="image">The image.</param>
    internal static byte[] ToBytes(DiffusionImage image) => Encode(image, image.Recorded, ImageFormat.Png, new ImageWriteOptions());

    /// <summary>The image of <see cref="ToBytes"/>, with its settings.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <exception cref="ImageInvalidException">They are damaged, or those of an image of more than 64 megapixels.</exception>
    internal static DiffusionImage FromBytes(byte[] bytes)
    {
        DiffusionImage image = ImageDecoder.Decode(bytes, "The image", BackgroundColor.White, judge: null, CancellationToken.None);
        TextEntryList texts = new();
        PngTexts.Read(bytes, texts);
        GenerationInfo? info = texts.Entries.FirstOrDefault(static text => text.Keyword == ImageTexts.RecordName) is TextEntry record
            ? GenerationRecord.Read(record.Text) ?? throw new ImageInvalidException("The record of the image is damaged.")
            : null;
        image = new DiffusionImage(image.Width, image.Height, image.Pixels, info);
        image.MarkRead(file: null, BackgroundColor.White);
        return image;
    }

    /// <summary>Encodes an image with another record than its own.</summary>
    /// <inheritdoc cref="ImageEncoder.Encode"/>
    internal static byte[] Encode(DiffusionImage image, GenerationInfo info, ImageFormat format, ImageWriteOptions options, CancellationToken cancellationToken = default) =>
        ImageEncoder.Encode(image, format, options, options.Metadata ? TextsOf(info, format) : ImageTexts.None, cancellationToken);

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
            throw new OutputWriteException($"'{path}' is not a valid file name. Choose another name.", error);
        }
    }

    /// <summary>The name of a file in messages.</summary>
    internal static string NameOf(string path) => $"The file '{path}'";

    /// <summary>Reads all bytes of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Its name in messages.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ImageInvalidException">The file does not exist, cannot be opened, is empty, or is too large for an image.</exception>
    internal static byte[] ReadBytes(string path, string name)
    {
        if (Directory.Exists(path))
            throw new ImageInvalidException($"'{path}' is a folder. Specify an image file in it.");
        if (!File.Exists(path))
            throw new ImageInvalidException($"There is no file '{path}'. Check the name.");

        try
        {
            byte[] bytes = RegularFile.ReadAllBytes(path, MaxFileSize);
            return bytes.Length > 0 ? bytes : throw new ImageInvalidException($"{name} is empty.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImageInvalidException($"{name} cannot be opened: {Sentence.Of(error)}", error);
        }
    }
}
