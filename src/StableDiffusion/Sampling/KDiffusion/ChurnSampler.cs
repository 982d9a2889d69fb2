using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// A sampler that can add noise back before each step ("churn"): algorithm 2 of Karras et al., arXiv:2206.00364. The amount is
/// that for all steps of the run, even if a run starts late.
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

    /// <summary>Raises the sample to the noise level of the next call, if there is one.</summary>
    /// <param name="call">The next call, which is the first of its step.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="noise">The source of noise.</param>
    /// <param name="scratch">The index of the scratch buffer for it.</param>
    protected void Raise(int call, Span<float> sample, INoiseSource noise, int scratch)
    {
        if (_churn > 0 && call < Timesteps.Count)
            Raise(call, sample, noise, Scratch(scratch));
    }

    private void Raise(int call, Span<float> sample, INoiseSource noise, Span<float> drawn)
    {
        float sigma = Sigmas[call / Order];
        float raised = CallSigmas[call];

        // k-diffusion draws noise outside the range of the churn too, without using it.
        noise.Fill(drawn, sigma, raised);
        if (raised > sigma)
            VectorMath.Add(sample, drawn, _noiseScale * MathF.Sqrt((raised * raised) - (sigma * sigma)));
    }
}
