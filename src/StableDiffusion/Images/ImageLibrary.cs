using ImageMagick;

namespace StableDiffusion.Images;

/// <summary>What all work with the image library has in common: its limits, and the way in and out for pixels.</summary>
internal static class ImageLibrary
{
    /// <summary>The largest picture that is read, 64 megapixels.</summary>
    public const long MaxPixels = 64L * 1024 * 1024;

    // The longest side that JPEG and GIF can have.
    private const ulong MaxSide = ushort.MaxValue;

    // The picture itself, its turned copy and its profile's, for several threads.
    private const ulong MaxMemory = 4UL << 30;

    // Of an animated WebP all frames are decoded, however few are asked for.
    private const ulong MaxFrames = 1000;

    private const ulong MaxProfileSize = 16 << 20;

    static ImageLibrary()
    {
        // The library keeps these for the whole process. What does not fit into memory is refused, not paged to disk.
        ResourceLimits.Width = MaxSide;
        ResourceLimits.Height = MaxSide;
        ResourceLimits.Memory = Math.Min(ResourceLimits.Memory, MaxMemory);
        ResourceLimits.Disk = 0;
        ResourceLimits.ListLength = MaxFrames;
        ResourceLimits.MaxProfileSize = MaxProfileSize;
    }

    /// <summary>Reads what a file says of itself, without decoding its pixels.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="settings">The format, which the library must not guess.</param>
    /// <returns>A picture of the library's without pixels, to be disposed.</returns>
    public static MagickImage Ping(ReadOnlySpan<byte> data, MagickReadSettings settings)
    {
        MagickImage image = new();
        try
        {
            image.Ping(data, settings);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Decodes a file.</summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="settings">The format, which the library must not guess.</param>
    /// <returns>A picture of the library's, to be disposed.</returns>
    public static MagickImage Read(ReadOnlySpan<byte> data, MagickReadSettings settings) => new(data, settings);

    /// <summary>Hands pixels to the library.</summary>
    /// <param name="pixels">The pixels, row by row.</param>
    /// <param name="width">The width.</param>
    /// <param name="height">The height.</param>
    /// <param name="mapping">RGB, or R for grey.</param>
    /// <returns>A picture of the library's, to be disposed.</returns>
    public static MagickImage FromPixels(ReadOnlySpan<byte> pixels, int width, int height, string mapping)
    {
        MagickImage image = new();
        try
        {
            image.ReadPixels(pixels, new PixelReadSettings((uint)width, (uint)height, StorageType.Char, mapping));
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Takes the pixels back.</summary>
    /// <param name="image">A picture of the library's.</param>
    /// <param name="mapping">RGB, or R for grey.</param>
    /// <returns>The pixels, row by row.</returns>
    public static byte[] ToPixels(MagickImage image, string mapping)
    {
        using IUnsafePixelCollection<byte> pixels = image.GetPixelsUnsafe();
        return pixels.ToByteArray(mapping) ?? throw new InvalidOperationException("The image library gave no pixels.");
    }
}
