using StableDiffusion.Tensors;

namespace StableDiffusion.Detecting;

/// <summary>The outline of an object, from the maps of a network. Source: ultralytics' <c>process_mask_native</c>, with torch's bilinear <c>interpolate</c>.</summary>
internal sealed class OutlineMap
{
    private readonly float[] _values;
    private readonly int _stride;
    private readonly int _left;
    private readonly int _top;
    private readonly int _width;
    private readonly int _height;
    private readonly int _imageWidth;
    private readonly int _imageHeight;

    /// <summary>Weighs the maps.</summary>
    /// <param name="maps">The maps, [1, 32, height, width].</param>
    /// <param name="weights">The weight of each map.</param>
    /// <param name="imageWidth">The width of the image.</param>
    /// <param name="imageHeight">The height of the image.</param>
    public OutlineMap(Tensor maps, ReadOnlySpan<float> weights, int imageWidth, int imageHeight)
    {
        int height = maps.Shape[2], width = maps.Shape[3];
        (_stride, _imageWidth, _imageHeight) = (width, imageWidth, imageHeight);
        _values = new float[height * width];
        for (int i = 0; i < weights.Length; i++)
        {
            ReadOnlySpan<float> map = maps.Span.Slice(i * _values.Length, _values.Length);
            for (int j = 0; j < _values.Length; j++)
                _values[j] += weights[i] * map[j];
        }

        for (int j = 0; j < _values.Length; j++)
            _values[j] = 1 / (1 + MathF.Exp(-_values[j]));

        // The gray around the image is no part of it.
        double scale = Math.Min((double)height / imageHeight, (double)width / imageWidth);
        double across = (width - (imageWidth * scale)) / 2, down = (height - (imageHeight * scale)) / 2;
        (_left, _top) = ((int)Math.Round(across - 0.1), (int)Math.Round(down - 0.1));
        (_width, _height) = (Math.Max(width - (int)Math.Round(across + 0.1) - _left, 1), Math.Max(height - (int)Math.Round(down + 0.1) - _top, 1));
    }

    /// <summary>The part of it in a box of the image.</summary>
    /// <param name="x1">The left edge.</param>
    /// <param name="y1">The top edge.</param>
    /// <param name="x2">The right edge.</param>
    /// <param name="y2">The bottom edge.</param>
    /// <param name="left">The first column to return.</param>
    /// <param name="top">The first row to return.</param>
    /// <param name="width">The number of columns.</param>
    /// <param name="height">The number of rows.</param>
    /// <param name="threshold">The value above which a pixel belongs to the object.</param>
    /// <param name="cancellationToken">Cancels it between two rows.</param>
    /// <returns>255 for each pixel of the object, otherwise 0.</returns>
    public byte[] Crop(double x1, double y1, double x2, double y2, int left, int top, int width, int height, float threshold, CancellationToken cancellationToken = default)
    {
        byte[] inside = new byte[width * height];
        for (int y = 0; y < height; y++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (top + y < y1 || top + y >= y2)
                continue;
            (int upper, int lower, float down) = Place(top + y, _imageHeight, _height);
            for (int x = 0; x < width; x++)
            {
                if (left + x < x1 || left + x >= x2)
                    continue;
                (int first, int second, float across) = Place(left + x, _imageWidth, _width);
                float above = float.Lerp(At(upper, first), At(upper, second), across), below = float.Lerp(At(lower, first), At(lower, second), across);
                if (float.Lerp(above, below, down) > threshold)
                    inside[(y * width) + x] = byte.MaxValue;
            }
        }

        return inside;
    }

    private float At(int row, int column) => _values[Math.Min((_top + row) * _stride + _left + column, _values.Length - 1)];

    private static (int From, int To, float Weight) Place(int index, int length, int cells)
    {
        float place = Math.Max(((index + 0.5f) * ((float)cells / length)) - 0.5f, 0);
        int from = Math.Min((int)place, cells - 1);
        return (from, Math.Min(from + 1, cells - 1), place - from);
    }
}
