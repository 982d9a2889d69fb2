using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>A source of standard normal values for a stochastic scheduler. The values depend on the order of the calls.</summary>
internal interface INoiseSource
{
    /// <summary>Fills a span with standard normal values (mean 0, variance 1).</summary>
    /// <param name="destination">The values to fill, those of one image's latent at a time.</param>
    /// <param name="sigma">The sigma that the step starts from; only sources that model a Brownian path use it.</param>
    /// <param name="sigmaNext">The sigma that the step ends at.</param>
    void Fill(Span<float> destination, float sigma, float sigmaNext);

    /// <summary>Writes its place in the random numbers, or reads it back into a source that was created in the same way.</summary>
    /// <param name="state">The state.</param>
    void Transfer(StateTransfer state);

    /// <summary>Returns an independent copy with the same state.</summary>
    /// <returns>The copy.</returns>
    INoiseSource Clone();
}
