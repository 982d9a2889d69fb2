using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>The configuration of the image library: the formats that it may read, and its limits.</summary>
internal static class ImageLibrary
{
    /// <summary>The largest image that can be read, 64 megapixels.</summary>
    public const long MaxPixels = 64L * 1024 * 1024;

    /// <summary>The longest side of an image that is made, which is more than JPEG and WebP can hold.</summary>
    public const int MaxSide = 65536;

    // One buffer holds the largest image with four channels; a progressive JPEG has three coefficients of 16 bits a pixel.
    private const int MaxBufferMegabytes = 512;

    // The most that a decoder needs: four channels of 32 bits, beside the pixels that it returns; and its tables and rows.
    private const int MaxBytesPerPixel = 24;
    private const long MinMemory = 64L << 20;

    // The memory kept between two images: enough for the rows and tables of the next one, not for a large image.
    private const int MaxPoolMegabytes = 64;

    /// <summary>The library's configuration, with only the supported formats.</summary>
    public static Configuration Configuration { get; } = CreateConfiguration();

    /// <summary>Decodes an image.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="size">The size of the image, which the memory for the decoding is limited by.</param>
    /// <param name="cancellationToken">Cancels the decoding.</param>
    /// <returns>The image.</returns>
    public static Image<Rgba32> Load(byte[] file, Size size, CancellationToken cancellationToken)
    {
        Configuration configuration = Configuration.Clone();
        configuration.MemoryAllocator = new BoundedAllocator(Configuration.MemoryAllocator, MinMemory + ((long)size.Width * size.Height * MaxBytesPerPixel));
        return BackgroundCall.Run(Load, cancellationToken);

        // It looks at the cancellation rarely.
        Image<Rgba32> Load()
        {
            using MemoryStream stream = new(file);
            return Image.LoadAsync<Rgba32>(configuration, stream, cancellationToken).GetAwaiter().GetResult();
        }
    }

    private static Configuration CreateConfiguration()
    {
        Configuration configuration = new(
            new PngConfigurationModule(), new JpegConfigurationModule(), new WebpConfigurationModule(), new GifConfigurationModule(),
            new BmpConfigurationModule(), new TiffConfigurationModule(), new TgaConfigurationModule())
        {
            MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions { AllocationLimitMegabytes = MaxBufferMegabytes, MaximumPoolSizeMegabytes = MaxPoolMegabytes }),
        };

        // Otherwise texts in PNG files would be inflated without a limit, and EXIF blocks be read in quadratic time.
        configuration.ImageFormatsManager.SetDecoder(PngFormat.Instance, new PngDecoder { IgnoreMetadata = true });
        configuration.ImageFormatsManager.SetDecoder(JpegFormat.Instance, new JpegDecoder { IgnoreMetadata = true });
        configuration.ImageFormatsManager.SetDecoder(WebpFormat.Instance, new WebpDecoder { IgnoreMetadata = true });
        configuration.ImageFormatsManager.SetDecoder(GifFormat.Instance, new GifDecoder { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First });
        configuration.ImageFormatsManager.SetDecoder(TiffFormat.Instance, new TiffDecoder { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First });
        return configuration;
    }
}
