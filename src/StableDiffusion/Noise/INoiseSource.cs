namespace StableDiffusion.Noise;

/// <summary>Where a stochastic scheduler takes its standard normal values from, in the order in which it asks.</summary>
public interface INoiseSource
{
    /// <summary>Fills a span with standard normal values (mean 0, variance 1).</summary>
    /// <param name="destination">The values to fill, a whole latent of one picture at a time.</param>
    /// <param name="sigma">The noise level that the step starts from; sources that do not model a path ignore it.</param>
    /// <param name="sigmaNext">The noise level that the step ends at.</param>
    void Fill(Span<float> destination, float sigma, float sigmaNext);

    /// <summary>A source that goes on from the same state, apart from this one.</summary>
    /// <returns>The copy.</returns>
    INoiseSource Clone();
}
