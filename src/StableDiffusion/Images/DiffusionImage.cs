using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>An image and the settings that made it.</summary>
public sealed class DiffusionImage : GeneratedObject
{
    /// <summary>The number of bytes of a pixel: red, green and blue.</summary>
    public const int Channels = 3;

    // The image with its pixels, of one whose file is read only when they are asked for.
    private readonly Lazy<DiffusionImage>? _file;
    private readonly byte[]? _pixels;

    // The stage that read the pixels; null if they were made.
    private StageList? _read;

    /// <summary>Initializes an image over an array of pixels, without copying it.</summary>
    /// <param name="width">The width in pixels, at least 1.</param>
    /// <param name="height">The height in pixels, at least 1.</param>
    /// <param name="pixels">Red, green and blue of each pixel (sRGB, 0 to 255), row by row from the top left.</param>
    /// <param name="info">The settings that made it; null if unknown.</param>
    /// <exception cref="ArgumentException">The size is not positive, or the length of the array does not match it.</exception>
    public DiffusionImage(int width, int height, byte[] pixels, GenerationInfo? info = null)
        : base(info ?? new GenerationInfo())
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if ((long)width * height * Channels != pixels.Length)
            throw new ArgumentException($"An image of {width}x{height} pixels has {(long)width * height * Channels} bytes, not {pixels.Length}.", nameof(pixels));

        Width = width;
        Height = height;
        _pixels = pixels;
    }

    /// <summary>Initializes the image of a file, whose pixels are read when they are first asked for.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="info">The settings that made it.</param>
    /// <param name="path">The full path of the file.</param>
    /// <param name="read">Reads the image of the file, with its pixels.</param>
    internal DiffusionImage(int width, int height, GenerationInfo info, string path, Func<DiffusionImage> read)
        : base(info)
    {
        Width = width;
        Height = height;
        Path = path;
        _file = new Lazy<DiffusionImage>(
            () => read() is DiffusionImage image && image.Width == width && image.Height == height ? image : throw new ImageInvalidException($"The file '{path}' was replaced by an image of another size. Read it again."),
            LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green and blue of each pixel, row by row. The array is the image's own, not a copy.</summary>
    /// <exception cref="ImageInvalidException">The pixels were not read yet, and the file is not there any more or is damaged.</exception>
    public byte[] Pixels => _pixels ?? _file!.Value.Pixels;

    /// <summary>The full path of the file that the image was read from or last written to; null if there is none.</summary>
    public string? Path { get; internal set; }

    /// <summary>The mask by which the image that it was made from is pasted back, of this image's size; null if that is the mask of the request.</summary>
    internal MaskImage? Overlay { get; init; }

    /// <inheritdoc/>
    internal override GenerationInfo Recorded => Record<byte>(Read is null ? Info.Stages?.Output : Read.Output, Pixels);

    private StageList? Read => _file is null ? _read : _file.Value._read;

    /// <summary>Notes that the pixels were read and not changed since. Those of a file need not be what the stages in its record made, which a lossy format changes.</summary>
    /// <param name="file">The full path of the file; null for bytes in memory.</param>
    /// <param name="background">The color behind pixels that are not opaque.</param>
    /// <param name="isAlpha">Whether the pixels are the opacity in the file, which are not its colors.</param>
    internal void MarkRead(string? file, BackgroundColor background, bool isAlpha = false)
    {
        Path = file;
        (string, object)[] settings = [.. file is null ? [] : ((string, object)[])[(nameof(Path), file)], .. background == BackgroundColor.White ? [] : ((string, object)[])[("Background", background.ToString())], .. isAlpha ? ((string, object)[])[("IsAlpha", true)] : []];
        _read = new StageList().Append(StageOperation.ReadImage, StageList.Hash<byte>(Pixels), settings);
    }

    /// <summary>The stages that made the pixels as they are now.</summary>
    internal StageList Origin() => StageList.Of<byte>(Read?.File is null ? Info.Stages : Read, Pixels);

    /// <summary>The stages of an image that is made of this one.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="pixels">The pixels of the new image.</param>
    /// <param name="settings">The settings of the operation.</param>
    internal StageList Then(string operation, byte[] pixels, params ReadOnlySpan<(string Name, object Value)> settings) =>
        Origin().Append(operation, StageList.Hash<byte>(pixels), settings);

    /// <summary>A short description.</summary>
    /// <returns>The size, and the prompt if it is known.</returns>
    public override string ToString() => PrintableText.Of(Prompt is null ? $"{Width}x{Height}" : $"{Width}x{Height} {Prompt}");

    /// <summary>The luma of a pixel, 0 to 255. Source: ITU-R BT.601-7, section 2.5.1.</summary>
    /// <param name="pixels">Red, green and blue of each pixel.</param>
    /// <param name="index">The number of the pixel, from 0.</param>
    internal static double LumaOf(ReadOnlySpan<byte> pixels, int index)
    {
        ReadOnlySpan<byte> pixel = pixels.Slice(index * Channels, Channels);
        return (0.299 * pixel[0]) + (0.587 * pixel[1]) + (0.114 * pixel[2]);
    }
}
