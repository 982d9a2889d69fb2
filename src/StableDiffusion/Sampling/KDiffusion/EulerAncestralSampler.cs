using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// Ancestral sampling with Euler's method ("Euler a"): k-diffusion's <c>sample_euler_ancestral</c>. Each step goes below
/// the next noise level and adds noise to return to it.
/// </summary>
internal sealed class EulerAncestralSampler : Sampler
{
    private const int Noise = 0;

    private readonly double _eta;
    private readonly double _noiseScale;

    public EulerAncestralSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, scratchCount: 1)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Uniform), .. SamplerOptions.Stochastic];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        (float sigma, float next) = (Sigmas[call], Sigmas[call + 1]);
        (float down, float up) = AncestralStep.Split(sigma, next, _eta);
        Move(modelOutput, call, sample, (double)down - sigma);
        if (next > 0 && _eta > 0)
            VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * up);
    }
}
