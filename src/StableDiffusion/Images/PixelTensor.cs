using System.Buffers;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Images;

/// <summary>
/// Converts between images and the tensors of an autoencoder: [1, 3, height, width], with a red, a green and a
/// blue plane, and 0 to 255 scaled to -1 to 1. The arithmetic is that of diffusers' <c>VaeImageProcessor</c>, in single precision.
/// </summary>
internal static class PixelTensor
{
    private const float Largest = byte.MaxValue;

    private static readonly float[] s_signed = MakeTable(value => ((value / Largest) * 2) - 1);

    /// <summary>Converts an image to the input of an encoder.</summary>
    /// <returns>A tensor [1, 3, height, width] with values from -1 to 1.</returns>
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

    /// <summary>Converts the output of a decoder or an upscaler to the pixels of an image; values out of its range are clipped.</summary>
    /// <param name="tensor">A tensor [1, 3, height, width].</param>
    /// <param name="rounding">How the values become bytes.</param>
    /// <param name="isSigned">Whether black is -1, as to a decoder, and not 0; white is 1.</param>
    /// <returns>The pixels, as in <see cref="DiffusionImage.Pixels"/>.</returns>
    /// <exception cref="ShapeMismatchException">The tensor has another shape.</exception>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    public static byte[] ToPixels(Tensor tensor, ByteRounding rounding = ByteRounding.Nearest, bool isSigned = true)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!tensor.HasShape(1, DiffusionImage.Channels, -1, -1) || tensor.Length == 0)
            throw new ShapeMismatchException($"An image has the shape [1, {DiffusionImage.Channels}, height, width], not {tensor}.");
        if (!tensor.IsFinite())
            throw new NotFiniteException("The image contains a value that is NaN or infinite. If it comes from a decoder in half precision, decode it in single precision.");

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
                    ToLevels(tensor.Span.Slice(((channel * height) + y) * width, width), levels, rounding, isSigned);
                    Interleave(levels, pixels.AsSpan((y * width * DiffusionImage.Channels) + channel));
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(row);
        }

        return pixels;
    }

    private static void ToLevels(ReadOnlySpan<float> values, Span<float> levels, ByteRounding rounding, bool isSigned)
    {
        if (isSigned)
        {
            TensorPrimitives.Divide(values, 2f, levels);
            TensorPrimitives.Add(levels, 0.5f, levels);
            values = levels;
        }

        TensorPrimitives.Clamp(values, 0f, 1f, levels);
        TensorPrimitives.Multiply(levels, Largest, levels);
        if (rounding == ByteRounding.Nearest)
            TensorPrimitives.Round(levels, MidpointRounding.ToEven, levels);
    }

    private static void Interleave(ReadOnlySpan<float> levels, Span<byte> pixels)
    {
        for (int i = 0, to = 0; i < levels.Length; i++, to += DiffusionImage.Channels)
            pixels[to] = (byte)levels[i];
    }

    private static float[] MakeTable(Func<int, float> convert) => [.. Enumerable.Range(0, byte.MaxValue + 1).Select(convert)];
}
