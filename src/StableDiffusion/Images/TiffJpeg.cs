using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace StableDiffusion.Images;

/// <summary>
/// Decodes TIFF files that are compressed with JPEG, strip by strip as files of their own: the image library would decode
/// them without limits, without cancellation, and whatever their format is. Source: TIFF technical note 2.
/// </summary>
internal static class TiffJpeg
{
    /// <summary>Decodes a file, if it is compressed with JPEG.</summary>
    /// <param name="tiff">The file's bytes, from <see cref="TiffFile.FirstImage"/>.</param>
    /// <param name="size">The size of the image.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <param name="cancellationToken">Cancels the decoding.</param>
    /// <returns>The image; null if the file is not compressed with JPEG.</returns>
    /// <exception cref="ImageInvalidException">A strip has another size than the file says, is not JPEG, or takes too much work.</exception>
    /// <exception cref="NotSupportedException">The file is tiled, or its colors are in separate planes.</exception>
    public static Image<Rgba32>? Decode(byte[] tiff, Size size, string name, CancellationToken cancellationToken)
    {
        if (!TiffFile.TryFindJpegs(tiff, out IEnumerable<byte[]> strips, out int rows, out bool isInverted))
            return null;

        Image<Rgba32> image = new(ImageLibrary.Configuration, size.Width, size.Height);
        try
        {
            int top = 0;
            long work = 0;
            foreach (byte[] strip in strips.TakeWhile(_ => top < size.Height))
            {
                cancellationToken.ThrowIfCancellationRequested();
                Size expected = new(size.Width, rows > 0 ? Math.Min(rows, size.Height - top) : size.Height);
                byte[] jpeg = Check(strip, expected, name);
                work += JpegSegments.Work(jpeg, (long)expected.Width * expected.Height);
                JpegSegments.CheckWork(work, tiff.Length, name);
                Copy(jpeg, expected, image, top, cancellationToken);
                top += expected.Height;
            }

            if (top < size.Height)
                throw new ImageInvalidException($"{name} is truncated. Copy it again.");
            if (isInverted)
                image.Mutate(static context => context.Invert());
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static byte[] Check(byte[] strip, Size expected, string name)
    {
        ReadOnlySpan<byte> start = [0xFF, 0xD8, 0xFF];
        if (!strip.AsSpan().StartsWith(start))
            throw new ImageInvalidException($"{name} says that it is compressed with JPEG, but is not; it is damaged.");

        byte[] jpeg = JpegSegments.Split(strip, maxProfile: 0, name).Image;
        IImageInfo info = Image.Identify(ImageLibrary.Configuration, jpeg, out _);
        if (info.Width != expected.Width || info.Height != expected.Height)
            throw new ImageInvalidException($"{name} has {info.Width}x{info.Height} pixels where it says {expected.Width}x{expected.Height}; it is damaged.");
        return jpeg;
    }

    private static void Copy(byte[] jpeg, Size expected, Image<Rgba32> image, int top, CancellationToken cancellationToken)
    {
        using Image<Rgba32> part = ImageLibrary.Load(jpeg, expected, cancellationToken);
        part.ProcessPixelRows(image, (from, to) =>
        {
            for (int y = 0; y < from.Height; y++)
                from.GetRowSpan(y).CopyTo(to.GetRowSpan(top + y));
        });
    }
}
