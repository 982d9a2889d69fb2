using StableDiffusion.Images;

namespace StableDiffusion.Comparison;

/// <summary>Measures the difference between two images of the same size.</summary>
internal static class ImageDistance
{
    private const int WindowSide = 11;
    private const double WindowSigma = 1.5;
    private const double Peak = byte.MaxValue;
    private const double C1 = 0.01 * Peak * 0.01 * Peak;
    private const double C2 = 0.03 * Peak * 0.03 * Peak;

    // The rows of windows that are computed at a time, so that a large image needs little memory.
    private const int BandHeight = 64;

    private static readonly double[] s_window = CreateWindow();

    /// <summary>The peak signal-to-noise ratio over red, green and blue: 10 log10(255² / mean squared difference).</summary>
    /// <param name="a">The first image.</param>
    /// <param name="b">The second image.</param>
    /// <returns>Decibels; infinite for equal images.</returns>
    /// <exception cref="ImageInvalidException">The images have different sizes.</exception>
    public static double Psnr(DiffusionImage a, DiffusionImage b)
    {
        CheckSizes(a, b);
        long sum = 0;
        for (int i = 0; i < a.Pixels.Length; i++)
        {
            int difference = a.Pixels[i] - b.Pixels[i];
            sum += difference * difference;
        }

        return 10 * Math.Log10(Peak * Peak * a.Pixels.Length / sum);
    }

    /// <summary>
    /// The structural similarity (SSIM) of the luma (ITU-R BT.601): the mean over all windows of 11x11 pixels within the
    /// image, with Gaussian weights of a standard deviation of 1.5 pixels.
    /// </summary>
    /// <param name="a">The first image, at least 11 pixels wide and high.</param>
    /// <param name="b">The second image.</param>
    /// <returns>At most 1, which means that the images are equal.</returns>
    /// <exception cref="ImageInvalidException">The images have different sizes, or are too small.</exception>
    /// <remarks>Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004, with its constants 0.01 and 0.03.</remarks>
    public static double Ssim(DiffusionImage a, DiffusionImage b)
    {
        CheckSizes(a, b);
        if (!IsLargeEnough(a))
            throw new ImageInvalidException($"The structural similarity needs images of {WindowSide}x{WindowSide} pixels or more, not {a.Width}x{a.Height}.");

        int windows = a.Height - WindowSide + 1;
        double sum = 0;
        for (int top = 0; top < windows; top += BandHeight)
        {
            int height = Math.Min(BandHeight, windows - top) + WindowSide - 1;
            sum += SumOfWindows(Luma(a, top, height), Luma(b, top, height), a.Width);
        }

        return sum / ((double)windows * (a.Width - WindowSide + 1));
    }

    /// <summary>Whether an image has at least one window of the structural similarity.</summary>
    /// <param name="image">The image.</param>
    public static bool IsLargeEnough(DiffusionImage image) => image.Width >= WindowSide && image.Height >= WindowSide;

    private static double SumOfWindows(double[] x, double[] y, int width)
    {
        double[] meanX = Smooth(x, width);
        double[] meanY = Smooth(y, width);
        double[] squareX = Smooth(Multiply(x, x), width);
        double[] squareY = Smooth(Multiply(y, y), width);
        double[] product = Smooth(Multiply(x, y), width);
        double sum = 0;
        for (int i = 0; i < meanX.Length; i++)
        {
            double covariance = product[i] - (meanX[i] * meanY[i]);
            double variances = squareX[i] - (meanX[i] * meanX[i]) + squareY[i] - (meanY[i] * meanY[i]);
            sum += ((2 * meanX[i] * meanY[i]) + C1) * ((2 * covariance) + C2)
                / (((meanX[i] * meanX[i]) + (meanY[i] * meanY[i]) + C1) * (variances + C2));
        }

        return sum;
    }

    private static void CheckSizes(DiffusionImage a, DiffusionImage b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Width != b.Width || a.Height != b.Height)
            throw new ImageInvalidException($"Images of {a.Width}x{a.Height} and {b.Width}x{b.Height} pixels cannot be compared. Resize them to the same size.");
    }

    private static double[] CreateWindow()
    {
        double[] window = new double[WindowSide];
        for (int i = 0; i < WindowSide; i++)
            window[i] = Math.Exp(-Math.Pow(i - (WindowSide / 2), 2) / (2 * WindowSigma * WindowSigma));
        double sum = window.Sum();
        return [.. window.Select(weight => weight / sum)];
    }

    private static double[] Luma(DiffusionImage image, int top, int height)
    {
        double[] luma = new double[image.Width * height];
        ReadOnlySpan<byte> pixels = image.Pixels.AsSpan(top * image.Width * DiffusionImage.Channels, luma.Length * DiffusionImage.Channels);
        for (int i = 0; i < luma.Length; i++)
            luma[i] = DiffusionImage.LumaOf(pixels, i);
        return luma;
    }

    private static double[] Multiply(double[] a, double[] b)
    {
        double[] product = new double[a.Length];
        TensorPrimitives.Multiply(a, b, product);
        return product;
    }

    /// <summary>The weighted mean of every window within the image, first along rows, then along columns.</summary>
    private static double[] Smooth(double[] values, int width)
    {
        int height = values.Length / width;
        int innerWidth = width - WindowSide + 1;
        int innerHeight = height - WindowSide + 1;
        double[] rows = new double[height * innerWidth];
        for (int row = 0; row < height; row++)
            Accumulate(values.AsSpan(row * width, width), 1, rows.AsSpan(row * innerWidth, innerWidth));

        double[] smooth = new double[innerHeight * innerWidth];
        for (int row = 0; row < innerHeight; row++)
            Accumulate(rows.AsSpan(row * innerWidth, WindowSide * innerWidth), innerWidth, smooth.AsSpan(row * innerWidth, innerWidth));
        return smooth;

        // Whole rows at a time, which is several times as fast as window by window.
        static void Accumulate(ReadOnlySpan<double> source, int stride, Span<double> target)
        {
            for (int i = 0; i < WindowSide; i++)
                TensorPrimitives.MultiplyAdd(source.Slice(i * stride, target.Length), s_window[i], target, target);
        }
    }
}
