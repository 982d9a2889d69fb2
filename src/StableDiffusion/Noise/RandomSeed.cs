namespace StableDiffusion.Noise;

/// <summary>Draws seeds for those who give none, or any.</summary>
internal static class RandomSeed
{
    /// <summary>The seed that means a random one in the settings and tables of every other tool.</summary>
    public const long Any = -1;

    // Every other tool takes a seed of 32 bits as well.
    private const long Highest = uint.MaxValue;

    /// <summary>Draws a seed at random, one that every other tool takes as well.</summary>
    /// <returns>A whole number from 0 to 2^32 - 1.</returns>
    public static long New() => Random.Shared.NextInt64(Highest + 1);

    /// <summary>Whether a seed means a random one; null does not, since it may also mean that of another object.</summary>
    /// <param name="seed">The seed.</param>
    public static bool IsAny(long? seed) => seed is Any;

    /// <summary>Whether <see cref="Resolve"/> draws a seed.</summary>
    /// <param name="seed">The seed.</param>
    public static bool IsDrawn(long? seed) => seed is null or Any;

    /// <summary>The seed to use.</summary>
    /// <param name="seed">A seed; null or <see cref="Any"/> for a random one.</param>
    /// <returns>The seed, or one that was drawn.</returns>
    public static long Resolve(long? seed) => IsDrawn(seed) ? New() : seed!.Value;
}
