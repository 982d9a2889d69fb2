using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>Euler's method with optional churn: k-diffusion's <c>sample_euler</c>, algorithm 2 of arXiv:2206.00364 without its correction.</summary>
internal sealed class EulerSampler : ChurnSampler
{
    private const int Noise = 0;

    public EulerSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, scratchCount: 1)
    {
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Uniform), .. SamplerOptions.Churned];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Move(modelOutput, call, sample, (double)Sigmas[call + 1] - CallSigmas[call]);
        Raise(call + 1, sample, noise, Noise);
    }
}
