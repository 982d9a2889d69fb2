namespace StableDiffusion.Tests.Sampling;

/// <summary>How far numbers lie from those of a reference, at the place where they do so most.</summary>
/// <param name="What">Which numbers.</param>
/// <param name="Largest">The largest deviation; infinite where a number is missing or none at all.</param>
/// <param name="Limit">How large it may be.</param>
/// <param name="Where">The place, with the reference's number and ours.</param>
internal readonly record struct Deviation(string What, double Largest, double Limit, string Where)
{
    /// <summary>What timesteps and noise levels may deviate by, relative to themselves.</summary>
    public const double LevelLimit = 1e-5;

    /// <summary>What a value of a sample may deviate by, relative to one and the sample's mean magnitude.</summary>
    public const double SampleLimit = 2e-4;

    public bool IsAllowed => Largest <= Limit;

    /// <summary>The deviation of timesteps or noise levels, relative to themselves.</summary>
    /// <param name="what">Which they are.</param>
    /// <param name="expected">The reference's.</param>
    /// <param name="actual">Ours.</param>
    /// <param name="least">The magnitude below which the deviation is relative to this one.</param>
    public static Deviation OfLevels(string what, IReadOnlyList<float> expected, IReadOnlyList<float> actual, double least = 0) =>
        Find(what, LevelLimit, expected, actual, index => Math.Max(Math.Abs(expected[index]), least));

    /// <summary>The deviation of a sample, relative to one and its mean magnitude.</summary>
    public static Deviation OfSample(string what, float[] expected, float[] actual)
    {
        double unit = 1 + MeanMagnitude(expected);
        return Find(what, SampleLimit, expected, actual, _ => unit);
    }

    /// <summary>The deviation of samples' mean magnitudes, relative to one and themselves.</summary>
    public static Deviation OfMeans(string what, IReadOnlyList<float> expected, IReadOnlyList<float> actual) =>
        Find(what, SampleLimit, expected, actual, index => 1 + expected[index]);

    public static double MeanMagnitude(float[] values) => values.Average(value => Math.Abs((double)value));

    private static Deviation Find(string what, double limit, IReadOnlyList<float> expected, IReadOnlyList<float> actual, Func<int, double> unit)
    {
        if (actual.Count != expected.Count)
            return new Deviation(what, double.PositiveInfinity, limit, $"{actual.Count} numbers in place of {expected.Count}");

        double largest = 0;
        string where = "nowhere";
        for (int i = 0; i < expected.Count; i++)
        {
            double difference = Math.Abs((double)expected[i] - actual[i]);
            double deviation = difference == 0 ? 0 : difference / unit(i);
            if (deviation <= largest)
                continue;

            largest = double.IsNaN(deviation) ? double.PositiveInfinity : deviation;
            where = $"at {i}: {actual[i]:R} in place of {expected[i]:R}";
        }

        return new Deviation(what, largest, limit, where);
    }
}
