using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>
/// Resizes pixels with the very bytes of Pillow: first along the rows, then along the columns, with weights in whole numbers and a
/// result rounded to bytes after each. Source: Pillow, <c>libImaging/Resample.c</c>.
/// </summary>
internal static class Resampler
{
    // The weights of a pixel are whole numbers of 2^-22, as many as 32 bits can hold with the sum of all.
    private const int WeightBits = 22;

    private const int MostBetween = 256 << 20;

    /// <summary>Resizes an image or a mask.</summary>
    /// <param name="pixels">The bytes of each pixel, row by row; not changed.</param>
    /// <param name="fromWidth">The width in pixels.</param>
    /// <param name="fromHeight">The height in pixels.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="channels">The number of bytes of a pixel.</param>
    /// <param name="mostBetween">The most bytes between the two steps.</param>
    /// <param name="cancellationToken">Cancels it between two rows.</param>
    /// <returns>The pixels of the new image, or <paramref name="pixels"/> itself if the image has the size already.</returns>
    public static byte[] Resize(byte[] pixels, int fromWidth, int fromHeight, int width, int height, ResampleFilter filter, int channels = DiffusionImage.Channels, int mostBetween = MostBetween, CancellationToken cancellationToken = default)
    {
        Taps[]? across = width == fromWidth ? null : MakeTaps(fromWidth, width, filter), down = height == fromHeight ? null : MakeTaps(fromHeight, height, filter);
        if (across is null && down is null)
            return pixels;

        // A wide image of an old one that is high is made in strips, since the rows between the two steps would be larger than both.
        byte[] result = new byte[checked(width * height * channels)];
        int strip = across is null || down is null ? width : Math.Clamp(mostBetween / (fromHeight * channels), 1, width);
        for (int left = 0; left < width; left += strip)
        {
            (int start, int count) = (left, Math.Min(strip, width - left));
            (byte[] source, int stride) = (pixels, width * channels);
            if (across is not null)
            {
                stride = count * channels;
                source = down is null ? result : new byte[fromHeight * stride];
                byte[] target = source;
                ForEachRow(fromHeight, y =>
                {
                    ReadOnlySpan<byte> from = pixels.AsSpan(y * fromWidth * channels, fromWidth * channels);
                    for (int x = 0; x < count; x++)
                        Sum(from, channels, channels, across[start + x], target.AsSpan((y * stride) + (x * channels), channels));
                });
            }

            if (down is not null)
                ForEachRow(height, y => Sum(source, stride, count * channels, down[y], result.AsSpan(((y * width) + start) * channels, count * channels)));
        }

        return result;

        void ForEachRow(int rows, Action<int> write) => Parallel.For(0, rows, new ParallelOptions { CancellationToken = cancellationToken }, write);
    }

    /// <summary>The pixels that a new one is made of: the first of them, and their weights.</summary>
    private readonly record struct Taps(int First, int[] Weights);

    /// <summary>Adds up weighted pixels.</summary>
    /// <param name="source">The values.</param>
    /// <param name="step">The number of values from one of the pixels to the next.</param>
    /// <param name="count">The number of values to make.</param>
    /// <param name="taps">The pixels.</param>
    /// <param name="target">Receives the values.</param>
    private static void Sum(ReadOnlySpan<byte> source, int step, int count, Taps taps, Span<byte> target)
    {
        for (int i = 0; i < count; i++)
        {
            int sum = 1 << (WeightBits - 1), at = (taps.First * step) + i;
            foreach (int weight in taps.Weights)
            {
                sum += source[at] * weight;
                at += step;
            }

            target[i] = (byte)Math.Clamp(sum >> WeightBits, 0, byte.MaxValue);
        }
    }

    /// <summary>The values that a new one is made of. A filter is widened where the result is smaller, and values outside have no weight.</summary>
    /// <param name="index">The index of the new value.</param>
    /// <param name="from">The number of values.</param>
    /// <param name="scale">That number by the number of new values.</param>
    /// <param name="support">How far the filter reaches to each side.</param>
    /// <param name="weigh">The filter: the weight at a distance.</param>
    /// <returns>The index of the first one, and the weights, whose sum is 1.</returns>
    internal static (int First, double[] Weights) TapsOf(int index, int from, double scale, double support, Func<double, double> weigh)
    {
        double stretch = Math.Max(scale, 1), center = (index + 0.5) * scale, sum = 0;
        int first = Math.Max((int)(center - (support * stretch) + 0.5), 0), end = Math.Min((int)(center + (support * stretch) + 0.5), from);
        double[] weights = [.. Enumerable.Range(first, end - first).Select(x => weigh((x - center + 0.5) * (1 / stretch)))];
        foreach (double weight in weights)
            sum += weight;
        return (first, Array.ConvertAll(weights, weight => sum == 0 ? weight : weight / sum));
    }

    private static Taps[] MakeTaps(int from, int to, ResampleFilter filter)
    {
        double scale = (double)from / to;
        if (filter == ResampleFilter.Nearest)
            return MakeNearest(from, to, scale);

        (double support, Func<double, double> weigh) = filter == ResampleFilter.Bicubic ? (2d, (Func<double, double>)Bicubic) : (3d, Lanczos);
        Taps[] taps = new Taps[to];
        for (int i = 0; i < to; i++)
        {
            (int first, double[] weights) = TapsOf(i, from, scale, support, weigh);
            taps[i] = new Taps(first, Array.ConvertAll(weights, ToWhole));
        }

        return taps;
    }

    // Pillow adds up the places, whose errors decide where one lies between two pixels.
    private static Taps[] MakeNearest(int from, int to, double scale)
    {
        Taps[] taps = new Taps[to];
        double place = scale * 0.5;
        for (int i = 0; i < to; i++, place += scale)
            taps[i] = new Taps(Math.Min((int)place, from - 1), [1 << WeightBits]);
        return taps;
    }

    private static int ToWhole(double weight) => (int)((weight < 0 ? -0.5 : 0.5) + (weight * (1 << WeightBits)));

    private static double Lanczos(double x) => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0;

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);

    private static double Bicubic(double x) => Cubic(x, -0.5);

    /// <summary>The cubic convolution of Keys (1981).</summary>
    /// <param name="x">The distance.</param>
    /// <param name="slope">The slope at a distance of 1.</param>
    internal static double Cubic(double x, double slope)
    {
        x = Math.Abs(x);
        return x < 1 ? (((((slope + 2) * x) - (slope + 3)) * x) * x) + 1
            : x < 2 ? ((((((x - 5) * x) + 8) * x) - 4) * slope)
            : 0;
    }
}
