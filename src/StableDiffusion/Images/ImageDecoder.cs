using ImageMagick;

namespace StableDiffusion.Images;

/// <summary>Makes pixels of a file's bytes, in sRGB and the right way up.</summary>
internal static class ImageDecoder
{
    /// <summary>Decodes the first frame of a file.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="background">What lies behind pixels that are not opaque.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ImageInvalidException">The bytes are no picture of a known format, damaged, or too large.</exception>
    public static DiffusionImage Decode(ReadOnlySpan<byte> data, string name, MagickColor background)
    {
        MagickFormat format = ImageSignature.Detect(data)
            ?? throw new ImageInvalidException($"{name} is no picture of a known format. Give one of {ImageSignature.Readable}.");
        if (format == MagickFormat.Jpeg && !ImageSignature.IsCompleteJpeg(data))
            throw new ImageInvalidException($"{name} breaks off before the picture's end. Copy it again.");

        MagickReadSettings settings = new() { Format = format, FrameIndex = 0, FrameCount = 1 };
        try
        {
            CheckSize(data, settings, name);
            using MagickImage image = ImageLibrary.Read(data, settings);
            Unify(image, format, background);
            return new DiffusionImage((int)image.Width, (int)image.Height, ImageLibrary.ToPixels(image, "RGB"));
        }
        catch (MagickException error)
        {
            throw new ImageInvalidException($"{name} cannot be read as {format}; it is damaged, or of a variant that is not known: {error.Message}", error);
        }
    }

    private static void CheckSize(ReadOnlySpan<byte> data, MagickReadSettings settings, string name)
    {
        using MagickImage header = ImageLibrary.Ping(data, settings);
        (ulong width, ulong height) = settings.Format == MagickFormat.Gif
            ? (Math.Max(header.Width, header.Page.Width), Math.Max(header.Height, header.Page.Height))
            : (header.Width, header.Height);
        if (width * height > (ulong)ImageLibrary.MaxPixels)
            throw new ImageInvalidException($"{name} has {width}x{height} pixels, more than the {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels that are read. Make it smaller first.");
    }

    private static void Unify(MagickImage image, MagickFormat format, MagickColor background)
    {
        // A frame may cover a part of its GIF only.
        if (format == MagickFormat.Gif && image.Page is { Width: > 0, Height: > 0 } page && (page.Width != image.Width || page.Height != image.Height))
        {
            image.BackgroundColor = MagickColors.Transparent;
            image.Extent(new MagickGeometry(-page.X, -page.Y, page.Width, page.Height));
        }

        // The AVIF decoder turns the picture itself.
        if (format != MagickFormat.Avif)
            image.AutoOrient();

        if (image.GetColorProfile() is not null)
            TransformToSrgb(image);
        image.ColorSpace = ColorSpace.sRGB;
        image.BackgroundColor = background;
        image.Alpha(AlphaAction.Remove);
    }

    private static void TransformToSrgb(MagickImage image)
    {
        try
        {
            image.TransformColorSpace(ColorProfiles.SRGB);
        }
        catch (MagickException)
        {
            // A damaged profile, or one for another kind of picture: its colours are taken as sRGB, as most viewers do.
            image.RemoveProfile("icc");
        }
    }
}
