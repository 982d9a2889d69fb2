namespace StableDiffusion.Noise;

/// <summary>
/// Interpolates on arcs (Shoemake 1985), in the two ways of the field. For the noises of variation seeds, as A1111's <c>slerp</c>
/// does: each column of each channel is a vector of its own. For walks, as the <c>slerp</c> of Karpathy's stablediffusionwalk.py and
/// of stable-diffusion-videos does: all values together are one vector.
/// </summary>
internal static class SphericalInterpolation
{
    private const double AlmostParallel = 0.9995;
    private const double LeastSine = 1e-6;

    /// <summary>Interpolates from one noise to another.</summary>
    /// <param name="noise">The noise for a strength of 0, [channels, height, width]; receives the result.</param>
    /// <param name="other">The noise for a strength of 1, of the same shape.</param>
    /// <param name="height">The height.</param>
    /// <param name="width">The width.</param>
    /// <param name="strength">How far to interpolate, 0 to 1.</param>
    public static void Turn(Span<float> noise, ReadOnlySpan<float> other, int height, int width, double strength)
    {
        double[] cosines = Cosines(noise, other, height, width);
        double sum = 0;
        foreach (double cosine in cosines)
            sum += cosine;

        // A1111 has the two the wrong way round in this case, in which they hardly differ.
        if (sum / cosines.Length > AlmostParallel)
        {
            for (int i = 0; i < noise.Length; i++)
                noise[i] = (float)((noise[i] * strength) + (other[i] * (1 - strength)));
            return;
        }

        for (int column = 0; column < cosines.Length; column++)
        {
            double angle = Math.Acos(Math.Clamp(cosines[column], -1, 1));
            double sine = Math.Sin(angle);

            // The columns of a latent with a single row are always parallel or opposite, without an angle to rotate by.
            bool isTurned = sine > LeastSine;
            double own = isTurned ? Math.Sin((1 - strength) * angle) / sine : 1 - strength;
            double others = isTurned ? Math.Sin(strength * angle) / sine : strength;
            int first = First(column, height, width);
            for (int i = first; i < first + (height * width); i += width)
                noise[i] = (float)((own * noise[i]) + (others * other[i]));
        }
    }

    /// <summary>The weights of two vectors as wholes on the arc between them.</summary>
    /// <param name="first">The vector for a ratio of 0.</param>
    /// <param name="second">The vector for a ratio of 1, of the same length.</param>
    /// <param name="ratio">How far to turn, 0 to 1.</param>
    /// <returns>The weights; those of the line for vectors that are almost parallel or opposite, as in the scripts above, or zero.</returns>
    public static (double First, double Second) Weights(ReadOnlySpan<float> first, ReadOnlySpan<float> second, double ratio)
    {
        (double product, double firstSquares, double secondSquares) = (0, 0, 0);
        for (int i = 0; i < first.Length; i++)
        {
            product += (double)first[i] * second[i];
            firstSquares += (double)first[i] * first[i];
            secondSquares += (double)second[i] * second[i];
        }

        double cosine = product / Math.Sqrt(firstSquares * secondSquares);
        if (!(Math.Abs(cosine) <= AlmostParallel))
            return (1 - ratio, ratio);
        double angle = Math.Acos(cosine), sine = Math.Sin(angle);
        return (Math.Sin((1 - ratio) * angle) / sine, Math.Sin(ratio * angle) / sine);
    }

    private static double[] Cosines(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int height, int width)
    {
        double[] cosines = new double[left.Length / height];
        for (int column = 0; column < cosines.Length; column++)
        {
            (double product, double leftSquares, double rightSquares) = (0, 0, 0);
            int first = First(column, height, width);
            for (int i = first; i < first + (height * width); i += width)
            {
                product += (double)left[i] * right[i];
                leftSquares += (double)left[i] * left[i];
                rightSquares += (double)right[i] * right[i];
            }

            cosines[column] = product / Math.Sqrt(leftSquares * rightSquares);
        }

        return cosines;
    }

    private static int First(int column, int height, int width) => (column / width * height * width) + (column % width);
}
