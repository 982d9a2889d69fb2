using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata.Profiles.Xmp;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>Encodes images as files; the same pixels, texts and options give the same bytes.</summary>
internal static class ImageEncoder
{
    // From this quality on, JPEG stores the color of each pixel instead of each square of four.
    private const int FullColorQuality = 90;

    private static readonly PngEncoder s_png = new()
    {
        ColorType = PngColorType.Rgb,
        BitDepth = PngBitDepth.Bit8,
        FilterMethod = PngFilterMethod.Adaptive,
        CompressionLevel = PngCompressionLevel.Level6,
        TextCompressionThreshold = int.MaxValue,
        ChunkFilter = PngChunkFilter.ExcludePhysicalChunk | PngChunkFilter.ExcludeGammaChunk,
    };

    /// <summary>The formats, the default first.</summary>
    public static IReadOnlyList<WritableFormat> Formats { get; } =
    [
        new(ImageFormat.Png, ["png"], int.MaxValue, EncodePng),
        new(ImageFormat.Jpeg, ["jpg", "jpeg"], 65500, EncodeJpeg),
        new(ImageFormat.WebP, ["webp"], 16383, EncodeWebP),
    ];

    /// <summary>Encodes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="format">The format.</param>
    /// <param name="options">The options.</param>
    /// <param name="texts">The texts of the file.</param>
    /// <param name="cancellationToken">Cancels the encoding, which the image library may go on with for a while.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="ImageInvalidException">The format cannot hold an image of that size.</exception>
    /// <exception cref="OutputWriteException">The image library failed.</exception>
    public static byte[] Encode(DiffusionImage image, ImageFormat format, ImageWriteOptions options, ImageTexts texts, CancellationToken cancellationToken)
    {
        WritableFormat writable = Formats.First(row => row.Format == format);
        if (Math.Max(image.Width, image.Height) > writable.LongestSide)
            throw new ImageInvalidException($"An image of {image.Width}x{image.Height} pixels is too large for {format}, whose limit is {writable.LongestSide} pixels a side. Write a .png file instead.");

        try
        {
            return BackgroundCall.Run(
                () =>
                {
                    using Image<Rgb24> pixels = Image.WrapMemory<Rgb24>(ImageLibrary.Configuration, image.Pixels.AsMemory(), image.Width, image.Height);
                    return writable.Encode(pixels, options, texts, cancellationToken);
                },
                cancellationToken);
        }
        catch (Exception error) when (error is ImageFormatException or InvalidMemoryOperationException)
        {
            throw new OutputWriteException($"The image of {image.Width}x{image.Height} pixels cannot be written as {format}: {Sentence.Of(error)}", error);
        }
    }

    private static byte[] EncodePng(Image<Rgb24> pixels, ImageWriteOptions options, ImageTexts texts, CancellationToken cancellationToken)
    {
        PngMetadata metadata = pixels.Metadata.GetPngMetadata();
        foreach ((string keyword, string value) in ((string, string)[])[(ImageTexts.InfotextName, texts.Infotext), (ImageTexts.RecordName, texts.Record)])
        {
            // The text of a chunk must not contain a zero byte.
            if (value.Length > 0)
                metadata.TextData.Add(new PngTextData(keyword, value.Replace('\0', ' '), string.Empty, string.Empty));
        }

        return Save(pixels, s_png, cancellationToken);
    }

    private static byte[] EncodeJpeg(Image<Rgb24> pixels, ImageWriteOptions options, ImageTexts texts, CancellationToken cancellationToken)
    {
        byte[] packet = PacketOf(texts);
        if (packet.Length is > 0 and <= XmpPacket.MaxLengthInJpeg)
            pixels.Metadata.XmpProfile = new XmpProfile(packet);
        JpegColorType color = options.Quality < FullColorQuality ? JpegColorType.YCbCrRatio420 : JpegColorType.YCbCrRatio444;
        return AddExif(Save(pixels, new JpegEncoder { Quality = options.Quality, ColorType = color }, cancellationToken), ExifOf(texts));
    }

    // The methods from 3 on take three times as long; they save nothing with grainy images and a fifth with smooth ones.
    private static byte[] EncodeWebP(Image<Rgb24> pixels, ImageWriteOptions options, ImageTexts texts, CancellationToken cancellationToken)
    {
        WebpEncoder encoder = new() { FileFormat = WebpFileFormatType.Lossy, Method = WebpEncodingMethod.Level2, Quality = options.Quality };
        return WebPChunks.AddMetadata(Save(pixels, encoder, cancellationToken), pixels.Size(), ExifOf(texts), PacketOf(texts));
    }

    // Only this method of the image library passes the token on.
    private static byte[] Save(Image<Rgb24> pixels, IImageEncoder encoder, CancellationToken cancellationToken)
    {
        using MemoryStream file = new();
        pixels.SaveAsync(file, encoder, cancellationToken).GetAwaiter().GetResult();
        return file.ToArray();
    }

    private static byte[] ExifOf(ImageTexts texts) => texts.Infotext.Length > 0 ? ExifComment.Create(texts.Infotext) : [];

    private static byte[] PacketOf(ImageTexts texts) => texts.Record.Length > 0 ? XmpPacket.Create(ImageTexts.RecordName, texts.Record) : [];

    // After the segment at the start of every file of the encoder.
    private static byte[] AddExif(ReadOnlySpan<byte> jpeg, ReadOnlySpan<byte> exif)
    {
        if (exif.IsEmpty)
            return jpeg.ToArray();

        const byte App1 = 0xE1;
        int start = 4 + BinaryPrimitives.ReadUInt16BigEndian(jpeg[4..]);
        int length = sizeof(ushort) + ExifComment.Mark.Length + exif.Length;
        return [.. jpeg[..start], 0xFF, App1, (byte)(length >> 8), (byte)length, .. ExifComment.Mark, .. exif, .. jpeg[start..]];
    }
}
