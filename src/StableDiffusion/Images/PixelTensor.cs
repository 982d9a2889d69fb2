using System.Buffers;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Images;

/// <summary>
/// The way between pictures and the tensors that an autoencoder takes and gives: [1, 3, height, width], red, green and
/// blue plane, 0 to 255 as -1 to 1. The arithmetic is that of diffusers' <c>VaeImageProcessor</c>, in single precision.
/// </summary>
internal static class PixelTensor
{
    private const float Largest = byte.MaxValue;

    private static readonly float[] s_signed = MakeTable(value => ((value / Largest) * 2) - 1);

    /// <summary>Makes an encoder's input of a picture.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>A tensor [1, 3, height, width] in -1..1.</returns>
    public static Tensor FromImage(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);

        Tensor tensor = new(1, DiffusionImage.Channels, image.Height, image.Width);
        ReadOnlySpan<byte> pixels = image.Pixels;
        int planeLength = image.Width * image.Height;
        Span<float> red = tensor.Span[..planeLength];
        Span<float> green = tensor.Span.Slice(planeLength, planeLength);
        Span<float> blue = tensor.Span.Slice(2 * planeLength, planeLength);
        for (int i = 0, from = 0; i < planeLength; i++, from += DiffusionImage.Channels)
        {
            red[i] = s_signed[pixels[from]];
            green[i] = s_signed[pixels[from + 1]];
            blue[i] = s_signed[pixels[from + 2]];
        }

        return tensor;
    }

    /// <summary>Makes a picture of a decoder's output; what lies outside -1..1 is clipped.</summary>
    /// <param name="tensor">A tensor [1, 3, height, width].</param>
    /// <param name="info">What made it; null if that is not known.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ShapeMismatchException">The tensor has another shape.</exception>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    public static DiffusionImage ToImage(Tensor tensor, GenerationInfo? info = null)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!tensor.HasShape(1, DiffusionImage.Channels, -1, -1) || tensor.Length == 0)
            throw new ShapeMismatchException($"A picture has the shape [1, {DiffusionImage.Channels}, height, width], not {tensor}.");
        if (!tensor.IsFinite())
            throw new NotFiniteException("The picture holds a value that is NaN or infinite. If it comes from a decoder in half precision, decode it in single precision.");

        int height = tensor.Shape[2];
        int width = tensor.Shape[3];
        byte[] pixels = new byte[tensor.Length];
        float[] row = ArrayPool<float>.Shared.Rent(width);
        try
        {
            for (int channel = 0; channel < DiffusionImage.Channels; channel++)
            {
                for (int y = 0; y < height; y++)
                {
                    Span<float> levels = row.AsSpan(0, width);
                    ToLevels(tensor.Span.Slice(((channel * height) + y) * width, width), levels);
                    Interleave(levels, pixels.AsSpan((y * width * DiffusionImage.Channels) + channel));
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(row);
        }

        return new DiffusionImage(width, height, pixels, info);
    }

    private static void ToLevels(ReadOnlySpan<float> values, Span<float> levels)
    {
        TensorPrimitives.Divide(values, 2f, levels);
        TensorPrimitives.Add(levels, 0.5f, levels);
        TensorPrimitives.Clamp(levels, 0f, 1f, levels);
        TensorPrimitives.Multiply(levels, Largest, levels);
        TensorPrimitives.Round(levels, MidpointRounding.ToEven, levels);
    }

    private static void Interleave(ReadOnlySpan<float> levels, Span<byte> pixels)
    {
        for (int i = 0, to = 0; i < levels.Length; i++, to += DiffusionImage.Channels)
            pixels[to] = (byte)levels[i];
    }

    private static float[] MakeTable(Func<int, float> convert) => [.. Enumerable.Range(0, byte.MaxValue + 1).Select(convert)];
}
