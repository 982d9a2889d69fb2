using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// DPM-Solver-2 in the midpoint form of k-diffusion's <c>sample_dpm_2</c>, with optional churn, after algorithm 2 of
/// arXiv:2206.00364. The second call is at the geometric mean of the noise levels.
/// </summary>
internal sealed class Dpm2Sampler : ChurnSampler
{
    private const int KeptSample = 0;
    private const int Noise = 1;

    public Dpm2Sampler(SchedulerSettings settings, int steps)
        : base(settings, steps, Dpm2Scheduler.GeometricMean, scratchCount: 2)
    {
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Karras, discards: true), .. SamplerOptions.Churned];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        float next = Sigmas[(call / 2) + 1];
        if (!IsSecond(call))
        {
            sample.CopyTo(Scratch(KeptSample));
            double target = next > 0 ? CallSigmas[call + 1] : 0;
            Move(modelOutput, call, sample, target - CallSigmas[call]);
            return;
        }

        Span<float> start = Scratch(KeptSample);
        Derive(modelOutput, call, sample, sample);
        VectorMath.Combine(sample, (double)next - CallSigmas[call - 1], start, 1);
        Raise(call + 1, sample, noise, Noise);
    }
}
