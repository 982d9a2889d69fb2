using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using StableDiffusion.Settings;
using ResizeMode = StableDiffusion.Settings.ResizeMode;

namespace StableDiffusion.Images;

/// <summary>Resizes images with the three-lobed Lanczos filter that Pillow and A1111 use.</summary>
internal static class ImageResize
{
    /// <summary>Resizes an image.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <param name="mode">The resize mode.</param>
    /// <returns>An image of that size with the same info, or <paramref name="image"/> itself if it has the size already.</returns>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/> and the size differs.</exception>
    /// <exception cref="InvalidSettingException">The size is out of range.</exception>
    public static DiffusionImage Resize(DiffusionImage image, int width, int height, ResizeMode mode)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckSize(width, height);
        if (image.Width == width && image.Height == height)
            return image;

        byte[] pixels = Resize<Rgb24>(image.Pixels, image.Width, image.Height, width, height, mode, image.Path is null ? "The image" : $"The image '{image.Path}'");
        return new DiffusionImage(width, height, pixels, image.Info with { Stages = image.Then(StageOperation.Resize, pixels, SettingsOf(width, height, mode)) });
    }

    /// <summary>Resizes a mask.</summary>
    /// <param name="mask">The mask; it is not changed.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <param name="mode">The resize mode; the padding of <see cref="ResizeMode.Pad"/> is black, so it is kept, not repainted.</param>
    /// <returns>A mask of that size, or <paramref name="mask"/> itself if it has the size already.</returns>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/> and the size differs.</exception>
    /// <exception cref="InvalidSettingException">The size is out of range.</exception>
    public static MaskImage Resize(MaskImage mask, int width, int height, ResizeMode mode)
    {
        ArgumentNullException.ThrowIfNull(mask);
        CheckSize(width, height);
        if (mask.Width == width && mask.Height == height)
            return mask;

        byte[] pixels = Resize<L8>(mask.Pixels, mask.Width, mask.Height, width, height, mode, "The mask");
        return new MaskImage(width, height, pixels) { Stages = mask.Origin().Append(StageOperation.Resize, StageList.Hash<byte>(pixels), SettingsOf(width, height, mode)) };
    }

    private static (string Name, object Value)[] SettingsOf(int width, int height, ResizeMode mode) =>
        [("Width", (long)width), ("Height", (long)height), (nameof(ResizeMode), mode.ToString())];

    private static byte[] Resize<TPixel>(byte[] pixels, int fromWidth, int fromHeight, int width, int height, ResizeMode mode, string name)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        if (mode == ResizeMode.None)
            throw new ImageInvalidException($"{name} is {fromWidth}x{fromHeight} pixels, not {width}x{height}. Give it that size, or choose the resize mode Stretch, Crop or Pad.");

        (int scaledWidth, int scaledHeight) = ScaledSize(fromWidth, fromHeight, width, height, mode);
        if ((long)scaledWidth * scaledHeight > ImageLibrary.MaxPixels)
            throw new ImageInvalidException($"{name} of {fromWidth}x{fromHeight} pixels is too long and narrow to be cropped to {width}x{height}. Choose the resize mode Stretch or Pad.");

        int channels = pixels.Length / (fromWidth * fromHeight);
        byte[] scaled = new byte[scaledWidth * scaledHeight * channels];
        using (Image<TPixel> image = Image.LoadPixelData<TPixel>(ImageLibrary.Configuration, pixels, fromWidth, fromHeight))
        {
            image.Mutate(context => context.Resize(scaledWidth, scaledHeight, KnownResamplers.Lanczos3));
            image.CopyPixelDataTo(scaled);
        }

        return scaledWidth == width && scaledHeight == height
            ? scaled
            : Center(scaled, scaledWidth, scaledHeight, channels, width, height);
    }

    /// <summary>The size that an image is scaled to before it is cropped or padded. Integer arithmetic as in A1111's resize_image, so that the same pixels are cropped.</summary>
    internal static (int Width, int Height) ScaledSize(int fromWidth, int fromHeight, int width, int height, ResizeMode mode)
    {
        if (mode == ResizeMode.Stretch)
            return (width, height);

        bool isWider = (long)fromWidth * height > (long)width * fromHeight;
        return isWider == (mode == ResizeMode.Crop)
            ? (Scale(fromWidth, height, fromHeight), height)
            : (width, Scale(fromHeight, width, fromWidth));

        static int Scale(int length, int to, int from) => (int)Math.Clamp((long)length * to / from, 1, int.MaxValue);
    }

    /// <summary>Places an image in the middle of another size, cropped or with a black border.</summary>
    internal static byte[] Center(byte[] source, int sourceWidth, int sourceHeight, int channels, int width, int height)
    {
        byte[] target = new byte[width * height * channels];
        int left = (width / 2) - (sourceWidth / 2);
        int top = (height / 2) - (sourceHeight / 2);
        int from = Math.Max(0, -left);
        int to = Math.Max(0, left);
        int length = Math.Min(sourceWidth - from, width - to) * channels;
        for (int y = Math.Max(0, top); y < Math.Min(height, top + sourceHeight); y++)
        {
            source.AsSpan((((y - top) * sourceWidth) + from) * channels, length)
                .CopyTo(target.AsSpan(((y * width) + to) * channels));
        }

        return target;
    }

    private static void CheckSize(int width, int height)
    {
        if (width <= 0)
            throw new InvalidSettingException("Width", $"An image cannot be {width} pixels wide.");
        if (height <= 0)
            throw new InvalidSettingException("Height", $"An image cannot be {height} pixels high.");
        if ((long)width * height > ImageLibrary.MaxPixels)
            throw new InvalidSettingException("Width", $"An image of {width}x{height} pixels is larger than the limit of {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels.");
    }
}
