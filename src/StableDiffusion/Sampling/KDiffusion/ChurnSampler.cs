using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// A sampler that can put noise back before each step ("churn"): algorithm 2 of Karras et al., arXiv:2206.00364. The
/// share is that of a whole run's steps, also where a run starts late.
/// </summary>
internal abstract class ChurnSampler : Sampler
{
    private readonly double _churn;
    private readonly double _noiseScale;

    /// <inheritdoc cref="Sampler(SchedulerSettings, int, Func{float, float, float}, int, int)"/>
    protected ChurnSampler(SchedulerSettings settings, int steps, Func<float, float, float>? second = null, int scratchCount = 0)
        : base(settings, steps, second, scratchCount: scratchCount)
    {
        _churn = settings.Number(SamplerOptions.Churn);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
    }

    /// <inheritdoc/>
    public sealed override void Begin(int call, Span<float> sample, INoiseSource noise)
    {
        if (_churn > 0)
            Raise(call, sample, noise, new float[sample.Length]);
    }

    /// <summary>Raises the sample to the noise level of the call that comes next, if there is one.</summary>
    /// <param name="call">The call; the first of its step.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="noise">Where to draw noise.</param>
    /// <param name="scratch">Which scratch span to draw it in.</param>
    protected void Raise(int call, Span<float> sample, INoiseSource noise, int scratch)
    {
        if (_churn > 0 && call < Timesteps.Count)
            Raise(call, sample, noise, Scratch(scratch));
    }

    private void Raise(int call, Span<float> sample, INoiseSource noise, Span<float> drawn)
    {
        float sigma = Sigmas[call / Order];
        float raised = CallSigmas[call];

        // k-diffusion draws at levels out of the churn's range too, and makes nothing of it.
        noise.Fill(drawn, sigma, raised);
        if (raised > sigma)
            VectorMath.Add(sample, drawn, _noiseScale * MathF.Sqrt((raised * raised) - (sigma * sigma)));
    }
}
