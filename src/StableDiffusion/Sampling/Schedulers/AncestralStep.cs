namespace StableDiffusion.Sampling.Schedulers;

/// <summary>How an ancestral step is split between the model's way down and fresh noise up.</summary>
internal static class AncestralStep
{
    /// <summary>
    /// Splits the step so that both parts together arrive at the next noise level. In float32 like PyTorch: where the
    /// way down is short, its length is the rounded difference of two squares that are nearly equal.
    /// </summary>
    /// <param name="sigma">The noise level that the step starts from.</param>
    /// <param name="next">The noise level that it ends at.</param>
    /// <param name="eta">How much of the step is ancestral: 0 none, 1 all that the two levels allow.</param>
    /// <returns>The level that the model's part goes down to, and the deviation of the noise that is added.</returns>
    public static (float Down, float Up) Split(float sigma, float next, double eta = 1)
    {
        if (eta == 0)
            return (next, 0);

        float up = MathF.Min(next, (float)eta * MathF.Sqrt(next * next * ((sigma * sigma) - (next * next)) / (sigma * sigma)));
        return (MathF.Sqrt((next * next) - (up * up)), up);
    }
}
