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

namespace StableDiffusion.Images;

/// <summary>What all work with the image library has in common: the formats that it may read, and its limits.</summary>
internal static class ImageLibrary
{
    /// <summary>The largest image that is read, 64 megapixels.</summary>
    public const long MaxPixels = 64L * 1024 * 1024;

    // One buffer holds the largest image with four channels; a progressive JPEG has three coefficients of 16 bits a pixel.
    private const int MaxBufferMegabytes = 512;

    // What is kept between two images: the rows and tables of the next one, not a whole large image.
    private const int MaxPoolMegabytes = 64;

    /// <summary>The library's settings: the formats that are read, and no others.</summary>
    public static Configuration Configuration { get; } = CreateConfiguration();

    private static Configuration CreateConfiguration()
    {
        Configuration configuration = new(
            new PngConfigurationModule(), new JpegConfigurationModule(), new WebpConfigurationModule(), new GifConfigurationModule(),
            new BmpConfigurationModule(), new TiffConfigurationModule(), new TgaConfigurationModule())
        {
            MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions { AllocationLimitMegabytes = MaxBufferMegabytes, MaximumPoolSizeMegabytes = MaxPoolMegabytes }),
        };

        // Texts in PNG are inflated without a limit, however long they become.
        configuration.ImageFormatsManager.SetDecoder(PngFormat.Instance, new PngDecoder { IgnoreMetadata = true });
        configuration.ImageFormatsManager.SetDecoder(GifFormat.Instance, new GifDecoder { DecodingMode = FrameDecodingMode.First });
        configuration.ImageFormatsManager.SetDecoder(TiffFormat.Instance, new TiffDecoder { DecodingMode = FrameDecodingMode.First });
        return configuration;
    }
}
