using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Detecting;

/// <summary>
/// The way of an image into the size that a detector takes: enlarged or reduced until it fits, in the middle of gray. Source:
/// ultralytics' <c>LetterBox</c> with its defaults, and OpenCV's bilinear <c>resize</c> of bytes.
/// </summary>
internal sealed class Letterbox
{
    private const byte Gray = 114;

    // OpenCV computes the weights of bytes in 11 bits.
    private const int WeightBits = 11;
    private const int Whole = 1 << WeightBits;

    private readonly int _imageWidth;
    private readonly int _imageHeight;
    private readonly double _scale;

    /// <summary>Initializes it for a size.</summary>
    /// <param name="imageWidth">The width of the image.</param>
    /// <param name="imageHeight">The height of the image.</param>
    /// <param name="width">The width that the detector takes.</param>
    /// <param name="height">The height that the detector takes.</param>
    public Letterbox(int imageWidth, int imageHeight, int width, int height)
    {
        (_imageWidth, _imageHeight, Width, Height) = (imageWidth, imageHeight, width, height);
        _scale = Math.Min((double)height / imageHeight, (double)width / imageWidth);
        (InnerWidth, InnerHeight) = (Math.Max((int)Math.Round(imageWidth * _scale), 1), Math.Max((int)Math.Round(imageHeight * _scale), 1));
        (Left, Top) = ((int)Math.Round(((width - InnerWidth) / 2.0) - 0.1), (int)Math.Round(((height - InnerHeight) / 2.0) - 0.1));
    }

    /// <summary>The width that the detector takes.</summary>
    public int Width { get; }

    /// <summary>The height that the detector takes.</summary>
    public int Height { get; }

    /// <summary>The width of the image in it.</summary>
    public int InnerWidth { get; }

    /// <summary>The height of the image in it.</summary>
    public int InnerHeight { get; }

    /// <summary>The columns of gray to the left of the image.</summary>
    public int Left { get; }

    /// <summary>The rows of gray above the image.</summary>
    public int Top { get; }

    /// <summary>A column of it as a column of the image, inside of that.</summary>
    /// <param name="x">The column.</param>
    public double ToImageX(double x) => Math.Clamp((x - Left) / _scale, 0, _imageWidth);

    /// <summary>A row of it as a row of the image, inside of that.</summary>
    /// <param name="y">The row.</param>
    public double ToImageY(double y) => Math.Clamp((y - Top) / _scale, 0, _imageHeight);

    /// <summary>The image in it.</summary>
    /// <param name="image">The image.</param>
    /// <returns>Red, green and blue, 0 to 1, [1, 3, height, width].</returns>
    public Tensor Apply(DiffusionImage image)
    {
        byte[] inner = (_imageWidth, _imageHeight) == (InnerWidth, InnerHeight) ? image.Pixels : Resize(image.Pixels);
        Tensor result = new(1, DiffusionImage.Channels, Height, Width);
        result.Span.Fill(Gray / (float)byte.MaxValue);
        for (int channel = 0; channel < DiffusionImage.Channels; channel++)
        {
            for (int y = 0; y < InnerHeight; y++)
            {
                Span<float> row = result.Span.Slice((((channel * Height) + Top + y) * Width) + Left, InnerWidth);
                for (int x = 0; x < InnerWidth; x++)
                    row[x] = inner[(((y * InnerWidth) + x) * DiffusionImage.Channels) + channel] / (float)byte.MaxValue;
            }
        }

        return result;
    }

    /// <summary>The bytes at the inner size.</summary>
    internal byte[] Resize(byte[] pixels)
    {
        byte[] result = new byte[InnerWidth * InnerHeight * DiffusionImage.Channels];
        if (_imageWidth == 2 * InnerWidth && _imageHeight == 2 * InnerHeight)
        {
            // OpenCV takes the mean of four pixels there.
            for (int i = 0; i < result.Length; i++)
            {
                int pixel = i / DiffusionImage.Channels, stride = _imageWidth * DiffusionImage.Channels;
                int place = (pixel / InnerWidth * 2 * stride) + (pixel % InnerWidth * 2 * DiffusionImage.Channels) + (i % DiffusionImage.Channels);
                result[i] = (byte)((pixels[place] + pixels[place + DiffusionImage.Channels] + pixels[place + stride] + pixels[place + stride + DiffusionImage.Channels] + 2) >> 2);
            }

            return result;
        }

        (int From, int To, int Weight)[] columns = Places(InnerWidth, _imageWidth, isAlone: true), rows = Places(InnerHeight, _imageHeight, isAlone: false);
        for (int y = 0, i = 0; y < InnerHeight; y++)
        {
            (int upper, int lower, int down) = rows[y];
            for (int x = 0; x < InnerWidth; x++)
            {
                (int left, int right, int across) = columns[x];
                for (int channel = 0; channel < DiffusionImage.Channels; channel++, i++)
                {
                    int above = Row(upper, channel, left, right, across), below = Row(lower, channel, left, right, across);
                    result[i] = (byte)(((((Whole - down) * (above >> 4)) >> 16) + ((down * (below >> 4)) >> 16) + 2) >> 2);
                }
            }
        }

        return result;

        int Row(int y, int channel, int left, int right, int weight) =>
            (pixels[(((y * _imageWidth) + left) * DiffusionImage.Channels) + channel] * (Whole - weight)) + (pixels[(((y * _imageWidth) + right) * DiffusionImage.Channels) + channel] * weight);
    }

    /// <remarks>At the edges, OpenCV weighs a column alone, but a row with itself, which rounds twice.</remarks>
    private static (int From, int To, int Weight)[] Places(int length, int from, bool isAlone)
    {
        (int, int, int)[] places = new (int, int, int)[length];
        double scale = (double)from / length;
        for (int i = 0; i < length; i++)
        {
            float place = (float)(((i + 0.5) * scale) - 0.5);
            int first = (int)MathF.Floor(place);
            float weight = isAlone && (first < 0 || first >= from - 1) ? 0 : place - first;
            places[i] = (Math.Clamp(first, 0, from - 1), Math.Clamp(first + 1, 0, from - 1), (int)MathF.Round(weight * Whole));
        }

        return places;
    }
}
