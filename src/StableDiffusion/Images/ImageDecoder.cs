using System.IO.Compression;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace StableDiffusion.Images;

/// <summary>Decodes a file's bytes to upright sRGB pixels.</summary>
internal static class ImageDecoder
{
    // With more pixels a byte the header is wrong, or it is a lossless WebP of one color: even an empty bilevel PNG has only 8 * 1032.
    private const long MaxPixelsPerByte = 10_000;
    private const long MaxPixelsUnchecked = 16L * 1024 * 1024;

    // Each row takes time, however narrow it is.
    private const int MaxSide = 1 << 20;

    private const int MaxProfileSize = 4 << 20;

    // Source: Exif 2.32, section 4.6.4. From 5 on, the image is turned by a quarter.
    private const ushort OrientationTag = 0x0112;
    private const uint Upright = 1;
    private const uint FirstTurned = 5;
    private const uint LastTurned = 8;

    /// <summary>Decodes the first frame of a file.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <param name="background">The color behind pixels that are not opaque.</param>
    /// <param name="judge">Gets the size of the upright image before its pixels are decoded, and may throw; may be null.</param>
    /// <param name="cancellationToken">Cancels the decoding.</param>
    /// <returns>The image.</returns>
    /// <exception cref="ImageInvalidException">The bytes are not an image of a supported format, are damaged, too large, or of an unsupported variant.</exception>
    public static DiffusionImage Decode(byte[] data, string name, BackgroundColor background, Action<int, int>? judge, CancellationToken cancellationToken)
    {
        IImageFormat format = ImageSignature.Detect(data, name);
        return Guard(format, name, () => Read(data, format, name, new Background(background), judge, cancellationToken));
    }

    /// <summary>Decodes the first frame of a file that is a mask: its opacity as gray values if any pixel is not opaque, otherwise its colors.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <param name="isAlpha">Whether the gray values are the opacity.</param>
    /// <param name="cancellationToken">Cancels the decoding.</param>
    /// <returns>The image.</returns>
    /// <exception cref="ImageInvalidException">As for <see cref="Decode"/>.</exception>
    public static DiffusionImage DecodeMask(byte[] data, string name, out bool isAlpha, CancellationToken cancellationToken)
    {
        IImageFormat format = ImageSignature.Detect(data, name);
        Background background = new(BackgroundColor.Black) { PrefersAlpha = true };
        DiffusionImage mask = Guard(format, name, () => Read(data, format, name, background, judge: null, cancellationToken));
        isAlpha = background.IsAlpha;
        return mask;
    }

    /// <summary>Reads an image's information, without decoding its pixels.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="format">The format that its first bytes indicate.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>The file's own information.</returns>
    /// <exception cref="ImageInvalidException">The file is damaged or not an image.</exception>
    public static IImageInfo Identify(byte[] data, IImageFormat format, string name) =>
        Guard(format, name, () => Image.Identify(ImageLibrary.Configuration, data, out _));

    /// <summary>The size of an image, without decoding its pixels.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>The width and the height in pixels.</returns>
    /// <exception cref="ImageInvalidException">The file is damaged, truncated or not an image.</exception>
    public static (int Width, int Height) SizeOf(byte[] data, string name)
    {
        IImageFormat format = ImageSignature.Detect(data, name);
        IImageInfo info = Identify(data, format, name);
        return ImageCompleteness.IsWhole(data, format, info) ? (info.Width, info.Height) : throw new ImageInvalidException($"{name} is truncated or damaged.");
    }

    private static T Guard<T>(IImageFormat format, string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (NotSupportedException error)
        {
            throw new ImageInvalidException($"{name} is {format.Name} of a kind that is not supported: {Sentence.Of(error)} Convert it to PNG, JPEG or WebP.", error);
        }
        catch (Exception error) when (error is not (DiffusionException or OperationCanceledException))
        {
            // For damaged bytes the library throws exceptions of any type; only the messages of its own types are useful,
            // and not all of those: that of an unknown format lists its decoders.
            string detail = error is ImageFormatException and not UnknownImageFormatException ? ": " + error.Message : ".";
            throw new ImageInvalidException($"{name} cannot be read as {format.Name}; it is damaged, or of an unknown variant{detail}", error);
        }
    }

    private static DiffusionImage Read(byte[] data, IImageFormat format, string name, Background background, Action<int, int>? judge, CancellationToken cancellationToken)
    {
        (Rectangle frame, Size canvas, bool isCmyk) = (default, default, false);
        (byte[] file, byte[] exif, byte[]? profile) = Split(data, format, name);
        if (format is WebpFormat)
            file = WebPChunks.Image(data, out frame, out canvas) ?? throw new ImageInvalidException($"{name} is truncated. Copy it again.");
        else if (format is TiffFormat)
            file = TiffFile.AsRgba(TiffFile.FirstImage(data, name), out isCmyk);
        if (!canvas.IsEmpty)
            (exif, profile) = ([], null);
        CheckSize(canvas, data, name);
        IImageInfo info = Image.Identify(ImageLibrary.Configuration, file, out _);
        Size decoded = new(info.Width, info.Height);
        CheckSize(decoded, data, name);
        if (!ImageCompleteness.IsWhole(format is TiffFormat ? file : data, format, info) || (format is GifFormat && !GifBlocks.TryFindFrame(data, out frame)))
            throw new ImageInvalidException($"{name} is truncated. Copy it again.");
        if (format is GifFormat)
            CheckSize(frame.Size, data, name);
        if (format is JpegFormat)
            JpegSegments.CheckWork(JpegSegments.Work(file, (long)decoded.Width * decoded.Height), file.Length, name);
        if (format is WebpFormat)
            CheckWebP(file, decoded, frame.Size, name, cancellationToken);
        uint orientation = OrientationOf(exif);
        Size size = canvas.IsEmpty ? decoded : canvas;
        judge?.Invoke(orientation >= FirstTurned ? size.Height : size.Width, orientation >= FirstTurned ? size.Width : size.Height);

        using Image<Rgba32> image = (format is TiffFormat ? TiffJpeg.Decode(file, decoded, name, cancellationToken) : null)
            ?? ImageLibrary.Load(file, decoded, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (isCmyk)
            TiffFile.ToRgb(image);
        Unify(image, orientation, profile, name);

        // A frame can be smaller than its animation.
        Rectangle visible = image.Bounds();
        if (format is GifFormat)
            visible.Intersect(frame);
        return canvas.IsEmpty
            ? Draw(image, visible, visible.Location, image.Size(), background)
            : Draw(image, visible, frame.Location, canvas, background);
    }

    private static void CheckSize(Size size, byte[] data, string name)
    {
        long pixels = (long)size.Width * size.Height;
        if (Math.Max(size.Width, size.Height) > MaxSide)
            throw new ImageInvalidException($"{name} has {size.Width}x{size.Height} pixels, and a side can have up to {MaxSide}. Crop it first.");
        if (pixels > ImageLibrary.MaxPixels)
            throw new ImageInvalidException($"{name} has {size.Width}x{size.Height} pixels, more than the {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels that can be read. Make it smaller first.");
        if (pixels > MaxPixelsUnchecked && pixels / data.Length > MaxPixelsPerByte)
            throw new ImageInvalidException($"{name} has {size.Width}x{size.Height} pixels, too many for its {data.Length} bytes. If it is not damaged, save it as PNG.");
    }

    private static void CheckWebP(byte[] file, Size size, Size outer, string name, CancellationToken cancellationToken)
    {
        if (!outer.IsEmpty && outer != size)
            throw new ImageInvalidException($"{name} has {size.Width}x{size.Height} pixels where it says {outer.Width}x{outer.Height}; it is damaged.");

        try
        {
            WebPLossless.Check(file, size, cancellationToken);
        }
        catch (InvalidDataException error)
        {
            throw new ImageInvalidException($"{name} cannot be read as WebP: {Sentence.Of(error)} Save it again with another program.", error);
        }
    }

    /// <summary>Turns an image upright, and converts its colors to sRGB.</summary>
    private static void Unify(Image<Rgba32> image, uint orientation, byte[]? profile, string name)
    {
        if (orientation != Upright)
        {
            // Only the orientation: the image library reads a whole block in quadratic time.
            image.Metadata.ExifProfile = new ExifProfile();
            image.Metadata.ExifProfile.SetValue(ExifTag.Orientation, (ushort)orientation);
            image.Mutate(static context => context.AutoOrient());
        }

        if (profile is { Length: > 0 })
            ColorProfile.ToSrgb(image, profile, name);
    }

    private static uint OrientationOf(ReadOnlySpan<byte> exif) =>
        TiffBlock.TryOpen(exif, out TiffBlock block) && block.FindNumbers(block.FirstDirectory, OrientationTag) is [uint orientation and > Upright and <= LastTurned, ..] ? orientation : Upright;

    /// <summary>Separates the image from the texts, blocks and profiles beside it.</summary>
    private static (byte[] Image, byte[] Exif, byte[]? Profile) Split(byte[] data, IImageFormat format, string name)
    {
        switch (format)
        {
            case PngFormat:
                return (PngChunk.JoinPixels(data), PngChunk.TryFind(data, "eXIf"u8, out ReadOnlySpan<byte> exif) ? exif.ToArray() : [], PngChunk.TryFind(data, "iCCP"u8, out ReadOnlySpan<byte> chunk) ? Inflate(chunk) : null);
            case JpegFormat:
                return JpegSegments.Split(data, MaxProfileSize, name);
            case WebpFormat:
                return (data, WebPChunks.TryFind(data, "EXIF"u8, out ReadOnlySpan<byte> block) ? ExifComment.WithoutMark(block).ToArray() : [], WebPChunks.TryFind(data, "ICCP"u8, out ReadOnlySpan<byte> profile) ? profile.ToArray() : null);
            case TiffFormat:
                return (data, data, TiffFile.FindProfile(data));
            default:
                return (data, [], null);
        }
    }

    // A name, a zero byte, the method, and the profile. A damaged profile is ignored.
    private static byte[]? Inflate(ReadOnlySpan<byte> chunk)
    {
        int data = chunk.IndexOf((byte)0) + 2;
        if (data < 2 || data > chunk.Length)
            return null;

        try
        {
            using MemoryStream source = new(chunk[data..].ToArray());
            using ZLibStream inflater = new(source, CompressionMode.Decompress);
            byte[] profile = new byte[MaxProfileSize];
            return profile[..inflater.ReadAtLeast(profile, profile.Length, throwOnEndOfStream: false)];
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static DiffusionImage Draw(Image<Rgba32> image, Rectangle visible, Point place, Size canvas, Background background)
    {
        byte[] pixels = new byte[canvas.Width * canvas.Height * DiffusionImage.Channels];
        background.IsAlpha = background.PrefersAlpha && !IsOpaque(image, visible);
        (byte red, byte green, byte blue) = background.Color;
        for (int i = 0; i < pixels.Length && visible.Size != canvas; i += DiffusionImage.Channels)
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (red, green, blue);

        int width = Math.Min(visible.Width, canvas.Width - place.X);
        int height = Math.Min(visible.Height, canvas.Height - place.Y);
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; y < height; y++)
            {
                int to = (((place.Y + y) * canvas.Width) + place.X) * DiffusionImage.Channels;
                foreach (Rgba32 pixel in rows.GetRowSpan(visible.Y + y).Slice(visible.X, width))
                {
                    pixels[to++] = background.IsAlpha ? pixel.A : Blend(pixel.R, pixel.A, red);
                    pixels[to++] = background.IsAlpha ? pixel.A : Blend(pixel.G, pixel.A, green);
                    pixels[to++] = background.IsAlpha ? pixel.A : Blend(pixel.B, pixel.A, blue);
                }
            }
        });
        return new DiffusionImage(canvas.Width, canvas.Height, pixels);
    }

    private static bool IsOpaque(Image<Rgba32> image, Rectangle visible)
    {
        bool isOpaque = true;
        image.ProcessPixelRows(rows =>
        {
            for (int y = visible.Top; y < visible.Bottom && isOpaque; y++)
            {
                foreach (Rgba32 pixel in rows.GetRowSpan(y).Slice(visible.X, visible.Width))
                    isOpaque &= pixel.A == byte.MaxValue;
            }
        });
        return isOpaque;
    }

    private static byte Blend(int value, int alpha, int background) => (byte)(((value * alpha) + (background * (byte.MaxValue - alpha)) + (byte.MaxValue / 2)) / byte.MaxValue);

    /// <summary>What becomes of pixels that are not opaque.</summary>
    /// <param name="Color">The color behind them.</param>
    private sealed record Background(BackgroundColor Color)
    {
        /// <summary>Whether the opacity is taken in place of the colors if there are such pixels.</summary>
        public bool PrefersAlpha { get; init; }

        /// <summary>Whether that was done.</summary>
        public bool IsAlpha { get; set; }
    }
}
