using StableDiffusion.Tensors;

namespace StableDiffusion.Images.Masks;

/// <summary>The Gaussian blur of gray values as OpenCV computes it, with the kernel that A1111 chooses for a mask.</summary>
internal static class GaussianBlur
{
    private const int Whole = 256;

    /// <summary>Blurs gray values: first along the rows, then along the columns, each result rounded to a byte.</summary>
    /// <param name="pixels">The gray values, row by row; they are not changed.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="sigmaX">The standard deviation along the rows in pixels; 0 for none.</param>
    /// <param name="sigmaY">The standard deviation along the columns in pixels; 0 for none.</param>
    /// <returns>The blurred values.</returns>
    public static byte[] Blur(byte[] pixels, int width, int height, double sigmaX, double sigmaY)
    {
        byte[] blurred = [.. pixels];
        if (sigmaX > 0)
            BlurRows(blurred, width, height, Kernel(sigmaX));
        if (sigmaY > 0)
            BlurColumns(blurred, width, height, Kernel(sigmaY));
        return blurred;
    }

    private static void BlurRows(byte[] pixels, int width, int height, int[] kernel)
    {
        int radius = kernel.Length / 2;
        int[] line = new int[width + (2 * radius)], sums = new int[width];
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = pixels.AsSpan(y * width, width);
            for (int x = 0; x < line.Length; x++)
                line[x] = row[MirroredIndex.Of(x - radius, width)];
            Array.Clear(sums);
            for (int i = 0; i < kernel.Length; i++)
                TensorPrimitives.MultiplyAdd(line.AsSpan(i, width), kernel[i], sums, sums);
            Round(sums, row);
        }
    }

    private static void BlurColumns(byte[] pixels, int width, int height, int[] kernel)
    {
        int radius = kernel.Length / 2;
        int[] values = Array.ConvertAll(pixels, static value => (int)value), sums = new int[width];
        for (int y = 0; y < height; y++)
        {
            Array.Clear(sums);
            for (int i = 0; i < kernel.Length; i++)
                TensorPrimitives.MultiplyAdd(values.AsSpan(MirroredIndex.Of(y + i - radius, height) * width, width), kernel[i], sums, sums);
            Round(sums, pixels.AsSpan(y * width, width));
        }
    }

    /// <summary>The weights in 256ths, as OpenCV has them for bytes: what rounding leaves over goes to the next weight, from the ends to the middle.</summary>
    private static int[] Kernel(double sigma)
    {
        int radius = (int)((2.5 * sigma) + 0.5);
        double[] exact = [.. Enumerable.Range(-radius, (2 * radius) + 1).Select(i => Math.Exp(-(double)i * i / (2 * sigma * sigma)))];
        double total = exact.Sum(), left = 0;
        int[] weights = new int[exact.Length];
        int sum = 0;
        for (int i = 0; i < radius; i++)
        {
            double wanted = (exact[i] / total * Whole) + left;
            weights[i] = weights[^(i + 1)] = (int)Math.Round(wanted);
            left = wanted - weights[i];
            sum += weights[i];
        }

        weights[radius] = Whole - (2 * sum);
        return weights;
    }

    private static void Round(ReadOnlySpan<int> sums, Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)Math.Clamp((sums[i] + (Whole / 2)) / Whole, 0, byte.MaxValue);
    }
}
