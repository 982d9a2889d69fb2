namespace StableDiffusion.Images;

/// <summary>
/// Resizes bytes as Pillow does: a filter whose support grows with the reduction, weights in whole numbers, and results between
/// the rows and the columns that are rounded to bytes.
/// </summary>
internal static class Resampling
{
    // The weights are counted in 2^-22.
    private const int FractionBits = 22;

    private const int LanczosLobes = 3;
    private const int CubicSupport = 2;
    private const double CubicSlope = -0.5;

    /// <summary>Resizes by the Lanczos filter of three lobes.</summary>
    /// <param name="pixels">The bytes, row by row; they are not changed.</param>
    /// <param name="channels">The number of bytes of a pixel.</param>
    /// <param name="fromWidth">The width in pixels.</param>
    /// <param name="fromHeight">The height in pixels.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <returns>The new bytes.</returns>
    public static byte[] Lanczos(byte[] pixels, int channels, int fromWidth, int fromHeight, int width, int height) =>
        Resize(pixels, channels, fromWidth, fromHeight, width, height, LanczosLobes, static x => Math.Abs(x) < LanczosLobes ? Sinc(x) * Sinc(x / LanczosLobes) : 0);

    /// <summary>Resizes by the bicubic filter.</summary>
    /// <inheritdoc cref="Lanczos"/>
    public static byte[] Bicubic(byte[] pixels, int channels, int fromWidth, int fromHeight, int width, int height) =>
        Resize(pixels, channels, fromWidth, fromHeight, width, height, CubicSupport, static x => Cubic(Math.Abs(x)));

    private static byte[] Resize(byte[] pixels, int channels, int fromWidth, int fromHeight, int width, int height, double support, Func<double, double> filter)
    {
        if (fromWidth != width)
            pixels = ResizeRows(pixels, channels, fromWidth, fromHeight, width, Weights(fromWidth, width, support, filter));
        return fromHeight == height ? pixels : ResizeColumns(pixels, width * channels, height, Weights(fromHeight, height, support, filter));
    }

    private static byte[] ResizeRows(byte[] pixels, int channels, int fromWidth, int height, int width, (int First, int[] Weights)[] columns)
    {
        byte[] result = new byte[width * height * channels];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> from = pixels.AsSpan(y * fromWidth * channels, fromWidth * channels);
            Span<byte> to = result.AsSpan(y * width * channels, width * channels);
            for (int x = 0; x < width; x++)
            {
                (int first, int[] weights) = columns[x];
                for (int channel = 0; channel < channels; channel++)
                {
                    int sum = 1 << (FractionBits - 1);
                    for (int i = 0, at = (first * channels) + channel; i < weights.Length; i++, at += channels)
                        sum += from[at] * weights[i];
                    to[(x * channels) + channel] = ToByte(sum);
                }
            }
        }

        return result;
    }

    private static byte[] ResizeColumns(byte[] pixels, int stride, int height, (int First, int[] Weights)[] rows)
    {
        byte[] result = new byte[stride * height];
        int[] sums = new int[stride];
        for (int y = 0; y < height; y++)
        {
            (int first, int[] weights) = rows[y];
            sums.AsSpan().Fill(1 << (FractionBits - 1));
            for (int i = 0; i < weights.Length; i++)
            {
                ReadOnlySpan<byte> from = pixels.AsSpan((first + i) * stride, stride);
                for (int x = 0; x < sums.Length; x++)
                    sums[x] += from[x] * weights[i];
            }

            for (int x = 0; x < sums.Length; x++)
                result[(y * stride) + x] = ToByte(sums[x]);
        }

        return result;
    }

    /// <summary>For each new pixel, the first old one that it is made of, and the weights of that and the following ones.</summary>
    private static (int First, int[] Weights)[] Weights(int from, int to, double support, Func<double, double> filter)
    {
        double scale = (double)from / to, widening = Math.Max(scale, 1);
        (int, int[])[] all = new (int, int[])[to];
        for (int x = 0; x < to; x++)
        {
            double center = (x + 0.5) * scale;
            int first = Math.Max((int)(center - (support * widening) + 0.5), 0);
            int last = Math.Min((int)(center + (support * widening) + 0.5), from);
            double[] weights = [.. Enumerable.Range(first, last - first).Select(i => filter((i - center + 0.5) / widening))];
            double sum = weights.Sum();
            all[x] = (first, Array.ConvertAll(weights, weight => (int)Math.Round(weight / sum * (1 << FractionBits), MidpointRounding.AwayFromZero)));
        }

        return all;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);

    private static double Cubic(double x) => x switch
    {
        < 1 => ((((CubicSlope + 2) * x) - (CubicSlope + 3)) * x * x) + 1,
        < CubicSupport => ((((x - 5) * x) + 8) * x - 4) * CubicSlope,
        _ => 0,
    };

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> FractionBits, 0, byte.MaxValue);
}
