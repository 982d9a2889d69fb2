namespace StableDiffusion.Noise;

/// <summary>Draws seeds for those who give none.</summary>
internal static class RandomSeed
{
    // Every other tool takes a seed of 32 bits as well.
    private const long Highest = uint.MaxValue;

    /// <summary>Draws a seed at random, one that every other tool takes as well.</summary>
    /// <returns>A whole number from 0 to 2^32 - 1.</returns>
    public static long New() => Random.Shared.NextInt64(Highest + 1);
}
