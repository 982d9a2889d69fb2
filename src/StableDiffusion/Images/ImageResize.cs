using StableDiffusion.Settings;

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

        byte[] pixels = ResizePixels(image.Pixels, image.Width, image.Height, width, height, mode, image.Path is null ? "The image" : $"The image '{image.Path}'");
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

        byte[] pixels = ResizePixels(mask.Pixels, mask.Width, mask.Height, width, height, mode, "The mask");
        return new MaskImage(width, height, pixels) { Stages = mask.Origin().Append(StageOperation.Resize, StageList.Hash<byte>(pixels), SettingsOf(width, height, mode)), IsPrepared = mask.IsPrepared };
    }

    /// <summary>Resizes the bytes of an image or a mask.</summary>
    /// <param name="pixels">The bytes, row by row: three for each pixel, or one.</param>
    /// <param name="fromWidth">The width in pixels.</param>
    /// <param name="fromHeight">The height in pixels.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <param name="mode">The resize mode.</param>
    /// <param name="name">What is resized, for messages.</param>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/>, or the image is too long and narrow.</exception>
    public static byte[] ResizePixels(byte[] pixels, int fromWidth, int fromHeight, int width, int height, ResizeMode mode, string name) =>
        fromWidth == width && fromHeight == height ? pixels
        : Resize(pixels, fromWidth, fromHeight, width, height, mode, name);

    private static (string Name, object Value)[] SettingsOf(int width, int height, ResizeMode mode) =>
        [("Width", (long)width), ("Height", (long)height), (nameof(ResizeMode), mode.ToString())];

    private static byte[] Resize(byte[] pixels, int fromWidth, int fromHeight, int width, int height, ResizeMode mode, string name)
    {
        if (mode == ResizeMode.None)
            throw new ImageInvalidException($"{name} is {fromWidth}x{fromHeight} pixels, not {width}x{height}. Give it that size, or choose the resize mode Stretch, Crop or Pad.");

        (int scaledWidth, int scaledHeight) = ScaledSize(fromWidth, fromHeight, width, height, mode);
        if ((long)scaledWidth * scaledHeight > ImageLibrary.MaxPixels)
            throw new ImageInvalidException($"{name} of {fromWidth}x{fromHeight} pixels is too long and narrow to be cropped to {width}x{height}. Choose the resize mode Stretch or Pad.");

        int channels = pixels.Length / (fromWidth * fromHeight);
        byte[] scaled = Resampler.Resize(pixels, fromWidth, fromHeight, scaledWidth, scaledHeight, ResampleFilter.Lanczos, channels);
        if (scaledWidth == width && scaledHeight == height)
            return scaled;

        byte[] centered = Center(scaled, scaledWidth, scaledHeight, channels, width, height);
        if (mode == ResizeMode.Fill)
            FillEdges(centered, scaledWidth, scaledHeight, channels, width, height);
        return centered;
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

    /// <summary>Fills the borders that a centered image leaves, as A1111 does: by Pillow's bicubic filter at the very edge. A row or column that is left over stays black.</summary>
    private static void FillEdges(byte[] pixels, int innerWidth, int innerHeight, int channels, int width, int height)
    {
        (int left, int top) = ((width / 2) - (innerWidth / 2), (height / 2) - (innerHeight / 2));
        if (innerHeight < height)
            FillBorder(top, innerHeight, height, step: width * channels, lines: width * channels, stride: 1);
        else
            FillBorder(left, innerWidth, width, step: channels, lines: height * channels, stride: width * channels);

        void FillBorder(int border, int inner, int outer, int step, int lines, int stride)
        {
            for (int line = 0; line < lines; line++)
            {
                int start = stride == 1 ? line : (line / channels * stride) + (line % channels);
                int first = start + (border * step), last = first + ((inner - 1) * step);
                byte before = Edge(pixels[first], pixels[inner > 1 ? first + step : first]), after = Edge(pixels[last], pixels[inner > 1 ? last - step : last]);
                for (int i = 0; i < border; i++)
                    pixels[start + (i * step)] = before;
                for (int i = border + inner; i < Math.Min((2 * border) + inner, outer); i++)
                    pixels[start + (i * step)] = after;
            }
        }

        // The filter's weights half a pixel and one and a half pixels away.
        static byte Edge(byte nearest, byte next) => (byte)Math.Clamp(((9 * nearest) - next + 4) >> 3, 0, byte.MaxValue);
    }

    /// <summary>Throws for a size that no image can have.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <exception cref="InvalidSettingException">A side is not positive, or the image would be too large.</exception>
    public static void CheckSize(int width, int height)
    {
        if (width <= 0)
            throw new InvalidSettingException("Width", $"An image cannot be {width} pixels wide.");
        if (height <= 0)
            throw new InvalidSettingException("Height", $"An image cannot be {height} pixels high.");
        if (width > ImageLibrary.MaxSide || height > ImageLibrary.MaxSide)
            throw new InvalidSettingException(width > height ? "Width" : "Height", $"An image of {width}x{height} pixels has a side of more than {ImageLibrary.MaxSide} pixels.");
        if ((long)width * height > ImageLibrary.MaxPixels)
            throw new InvalidSettingException("Width", $"An image of {width}x{height} pixels is larger than the limit of {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels.");
    }
}
