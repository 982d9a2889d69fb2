namespace StableDiffusion.Sampling.Schedulers;

/// <summary>Divides an ancestral step into the model's part down and fresh noise up.</summary>
internal static class AncestralStep
{
    /// <summary>
    /// Divides the step so that both parts together arrive at the next noise level. Computed in float32 like PyTorch: if the part
    /// down is short, its length is the rounded difference of two nearly equal squares.
    /// </summary>
    /// <param name="sigma">The noise level that the step starts from.</param>
    /// <param name="next">The noise level that it ends at.</param>
    /// <param name="eta">How much of the step is ancestral: 0 for none, 1 for all that the two levels allow.</param>
    /// <returns>The noise level that the model's part ends at, and the standard deviation of the added noise.</returns>
    public static (float Down, float Up) Split(float sigma, float next, double eta = 1)
    {
        if (eta == 0)
            return (next, 0);

        float up = MathF.Min(next, (float)eta * MathF.Sqrt(next * next * ((sigma * sigma) - (next * next)) / (sigma * sigma)));
        return (MathF.Sqrt((next * next) - (up * up)), up);
    }
}
