using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Masks;

/// <summary>
/// The mask by which soft inpainting pastes an image back: white where the denoising changed the latent, whatever the mask of the
/// request says there. Source: A1111 1.10.1, its built-in extension soft-inpainting (<c>apply_adaptive_masks</c>).
/// </summary>
/// <param name="original">The clean latent of the image, [1, channels, height, width].</param>
/// <param name="mask">The mask of the latent, [1, 1, height, width]: 1 where the image is repainted, 0 where it is kept.</param>
/// <param name="settings">The settings of soft inpainting.</param>
internal sealed class AdaptiveMask(Tensor original, Tensor mask, SoftInpainting settings)
{
    private const int Radius = 2;
    private const int Side = (2 * Radius) + 1;

    // Of the Gaussian of the kernel, in cells.
    private const double Width = 1.5;

    // The part of the sorted weights that is averaged has at least this sum.
    private const double LeastWeight = 1;

    // Keeps the divisor above 0 where the mask keeps all.
    private const double AlmostOne = 1.00001;

    // Of the blur of the enlarged mask, in pixels.
    private const float Blur = 4;

    /// <summary>The weights of the filters, row by row: a Gaussian, lowered so that it is 0 one cell beyond the kernel.</summary>
    public static IReadOnlyList<double> Kernel { get; } = CreateKernel();

    /// <summary>The mask of a denoised latent.</summary>
    /// <param name="denoised">The latent, of the shape of the original.</param>
    /// <param name="width">The width of the mask in pixels.</param>
    /// <param name="height">The height of the mask in pixels.</param>
    /// <returns>The mask: white where nothing is pasted back.</returns>
    public MaskImage Of(Tensor denoised, int width, int height)
    {
        (int columns, int rows) = (original.Shape[3], original.Shape[2]);
        float[] distances = Filter(Filter(Distances(original, denoised), columns, 0.9, 1), columns, 0.25, 0.75);
        byte[] grays = new byte[distances.Length];
        for (int i = 0; i < grays.Length; i++)
            grays[i] = (byte)(byte.MaxValue * (1 - Smooth(Kept(distances[i], mask.Values[i]))));

        byte[] pixels = Resampler.Resize(grays, columns, rows, width, height, ResampleFilter.Lanczos, channels: 1);
        BoxBlur.Blur(pixels, width, height, Blur);
        return new MaskImage(width, height, pixels);
    }

    /// <summary>How far two latents are apart in each cell.</summary>
    /// <param name="left">A latent, [1, channels, height, width].</param>
    /// <param name="right">Another one of the same shape.</param>
    /// <returns>The Euclidean distances, row by row.</returns>
    public static float[] Distances(Tensor left, Tensor right)
    {
        float[] distances = new float[left.Shape[2] * left.Shape[3]];
        for (int cell = 0; cell < distances.Length; cell++)
        {
            double sum = 0;
            for (int i = cell; i < left.Length; i += distances.Length)
            {
                double difference = right.Values[i] - left.Values[i];
                sum += difference * difference;
            }

            distances[cell] = (float)Math.Sqrt(sum);
        }

        return distances;
    }

    /// <summary>Replaces each value by the mean of a part of the values around it, which are sorted and weighted by the kernel.</summary>
    /// <param name="values">The values, row by row.</param>
    /// <param name="width">The number of columns.</param>
    /// <param name="from">Where the part begins, as a share of the weights.</param>
    /// <param name="to">Where it ends.</param>
    public static float[] Filter(float[] values, int width, double from, double to)
    {
        float[] filtered = new float[values.Length];
        float[] around = new float[Side * Side];
        double[] weights = new double[Side * Side];
        for (int i = 0; i < values.Length; i++)
        {
            int count = 0;
            for (int place = 0; place < Side * Side; place++)
            {
                (int x, int y) = ((i % width) + (place % Side) - Radius, (i / width) + (place / Side) - Radius);
                if (x < 0 || x >= width || y < 0 || y >= values.Length / width)
                    continue;
                (around[count], weights[count]) = (values[(y * width) + x], Kernel[place]);
                count++;
            }

            Array.Sort(around, weights, 0, count);
            filtered[i] = Mean(around.AsSpan(0, count), weights.AsSpan(0, count), from, to);
        }

        return filtered;
    }

    /// <summary>How much of the image is pasted back where the latents are that far apart, 0 to 1.</summary>
    private double Kept(double distance, double share)
    {
        double kept = 1 - Math.Pow(Math.Clamp(share, 0, 1), settings.Scale / 2);
        double bias = (0.5 * (1 - settings.MaskInfluence)) + (kept * settings.MaskInfluence);
        double half = settings.DifferenceThreshold * bias / (AlmostOne - bias);

        // Where any difference is too large, none still is none.
        return distance == 0 && half == 0 ? 1 : 1 / (1 + Math.Pow(distance / half, settings.DifferenceContrast));
    }

    private static double Smooth(double value) => value * value * value * ((value * ((6 * value) - 15)) + 10);

    private static float Mean(ReadOnlySpan<float> values, ReadOnlySpan<double> weights, double from, double to)
    {
        double all = 0;
        foreach (double weight in weights)
            all += weight;
        (double first, double last) = (all * from, all * to);
        if (last - first < LeastWeight)
        {
            first = Math.Min(((first + last) / 2) - (LeastWeight / 2), all - LeastWeight);
            first = Math.Max(first, 0);
            last = first + LeastWeight;
        }

        (double below, double sum, double sumOfWeights) = (0, 0, 0);
        for (int i = 0; i < values.Length; i++)
        {
            double weight = Math.Max(Math.Min(last, below + weights[i]) - Math.Max(first, below), 0);
            sum += values[i] * weight;
            sumOfWeights += weight;
            below += weights[i];
        }

        return sumOfWeights == 0 ? 0 : (float)(sum / sumOfWeights);
    }

    private static double[] CreateKernel()
    {
        double end = Gaussian((Radius + 1) * (Radius + 1));
        return [.. Enumerable.Range(0, Side * Side).Select(place =>
        {
            (int x, int y) = ((place % Side) - Radius, (place / Side) - Radius);
            return Math.Max((Gaussian((x * x) + (y * y)) - end) / (1 - end), 0);
        })];

        static double Gaussian(int squared) => Math.Exp(-squared / (Width * Width));
    }
}
