using ImageMagick;
using ImageMagick.Formats;
using StableDiffusion.Images.Metadata;

namespace StableDiffusion.Images;

/// <summary>Makes the bytes of a file of a picture; the same picture, info and options give the same bytes.</summary>
internal static class ImageEncoder
{
    // What A1111 and the tools that read its files look for.
    private const string PngKeyword = "parameters";

    // Enough for the settings that follow the two prompts.
    private const int MaxPromptInJpeg = (ExifComment.MaxLengthInJpeg / 2) - 1000;

    /// <summary>Encodes a picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="format">The format.</param>
    /// <param name="options">How.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="ImageInvalidException">The format cannot hold a picture of that size.</exception>
    /// <exception cref="InvalidSettingException">The format cannot do what the options ask for.</exception>
    /// <exception cref="OutputWriteException">The image library failed.</exception>
    public static byte[] Encode(DiffusionImage image, ImageFormat format, ImageWriteOptions options)
    {
        Check(image, format, options);
        try
        {
            using MagickImage picture = ImageLibrary.FromPixels(image.Pixels, image.Width, image.Height, "RGB");
            picture.Quality = (uint)options.Quality;
            string record = options.Metadata ? GenerationRecord.Write(image.Info) : string.Empty;
            if (format == ImageFormat.Png)
                return EncodePng(picture, options.Metadata ? Infotext.Format(image.Info) : string.Empty, record);

            string text = options.Metadata ? Infotext.Format(format == ImageFormat.Jpeg ? Shorten(image.Info) : image.Info) : string.Empty;
            if (text.Length > 0)
                picture.SetProfile(new ImageProfile("exif", ExifComment.Create(text)));
            byte[] packet = record.Length > 0 ? XmpTexts.Write(GenerationRecord.Keyword, record) : [];
            if (packet.Length > 0 && (format != ImageFormat.Jpeg || packet.Length <= XmpTexts.MaxLengthInJpeg))
                picture.SetProfile(new ImageProfile("xmp", packet));
            return format == ImageFormat.Jpeg
                ? picture.ToByteArray(MagickFormat.Jpeg)
                : picture.ToByteArray(new WebPWriteDefines { Lossless = options.Lossless, Exact = options.Lossless });
        }
        catch (MagickException error)
        {
            throw new OutputWriteException($"The picture of {image.Width}x{image.Height} pixels cannot be written as {format}: {error.Message}", error);
        }
    }

    private static byte[] EncodePng(MagickImage picture, string text, string record)
    {
        // Here quality is the effort of compression (4) and the choice of filters by row (5). More effort takes up to
        // seven times as long and saves next to nothing on pictures with grain.
        picture.Quality = 45;
        byte[] png = picture.ToByteArray(MagickFormat.Png24);
        using MemoryStream file = new(png.Length + text.Length + record.Length);
        PngChunks.Rewrite(png, [(PngKeyword, text), (GenerationRecord.Keyword, record)], file);
        return file.ToArray();
    }

    private static void Check(DiffusionImage image, ImageFormat format, ImageWriteOptions options)
    {
        if (format == ImageFormat.Jpeg && options.Lossless)
            throw new InvalidSettingException(nameof(options.Lossless), "JPEG cannot keep every pixel as it is. Write a .png or a .webp file instead.");

        int longest = format switch
        {
            ImageFormat.Png => int.MaxValue,
            ImageFormat.Jpeg => 65500,
            ImageFormat.WebP => 16383,
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };
        if (Math.Max(image.Width, image.Height) > longest)
            throw new ImageInvalidException($"A picture of {image.Width}x{image.Height} pixels is too large for {format}, which ends at {longest} pixels a side. Write a .png file instead.");
    }

    private static GenerationInfo Shorten(GenerationInfo info) => info with
    {
        Prompt = Shorten(info.Prompt),
        NegativePrompt = Shorten(info.NegativePrompt),
    };

    private static string? Shorten(string? prompt) => prompt?.Length > MaxPromptInJpeg ? prompt[..MaxPromptInJpeg] : prompt;
}
