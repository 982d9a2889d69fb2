namespace StableDiffusion.Noise;

/// <summary>Finds what lies between vectors, and places on a path through several.</summary>
internal static class Interpolation
{
    /// <summary>What lies between two vectors.</summary>
    /// <param name="first">The vector for a ratio of 0.</param>
    /// <param name="second">The vector for a ratio of 1, of the same length.</param>
    /// <param name="ratio">How far to go from the first to the second, 0 to 1.</param>
    /// <param name="mode">On the line between them, or on the arc.</param>
    /// <returns>A new vector; at 0 and at 1 it has the very values of the first or the second.</returns>
    public static float[] Between(ReadOnlySpan<float> first, ReadOnlySpan<float> second, double ratio, InterpolationMode mode)
    {
        if (ratio is 0 or 1)
            return (ratio == 0 ? first : second).ToArray();

        (double own, double others) = mode == InterpolationMode.Spherical ? SphericalInterpolation.Weights(first, second, ratio) : (1 - ratio, ratio);
        float[] result = new float[first.Length];
        for (int i = 0; i < result.Length; i++)
            result[i] = (float)((own * first[i]) + (others * second[i]));
        return result;
    }

    /// <summary>A place on a path through points in equal distances.</summary>
    /// <param name="part">How far along the path, 0 to 1.</param>
    /// <param name="points">The number of points, two or more.</param>
    /// <returns>The point before it, and the ratio from there to the next one.</returns>
    public static (int Index, double Ratio) PlaceOf(double part, int points)
    {
        double place = part * (points - 1);
        int index = Math.Min((int)place, points - 2);
        return (index, place - index);
    }

    /// <summary>The places of a walk through points, from the first to the last, in equal steps.</summary>
    /// <param name="count">The number of places, two or more.</param>
    /// <param name="points">The number of points, two or more.</param>
    public static IEnumerable<(int Index, double Ratio)> Walk(int count, int points)
    {
        // In whole numbers, so that a place at a point is exactly there.
        for (int i = 0; i < count; i++)
        {
            long place = (long)i * (points - 1);
            int index = (int)Math.Min(place / (count - 1), points - 2);
            yield return (index, (double)(place - ((long)index * (count - 1))) / (count - 1));
        }
    }
}
