using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// Heun's method with optional churn, with two calls per step except for one that ends at zero: k-diffusion's
/// <c>sample_heun</c>, algorithm 2 of arXiv:2206.00364.
/// </summary>
internal sealed class HeunSampler : ChurnSampler
{
    private const int KeptSample = 0;
    private const int KeptDerivative = 1;
    private const int Current = 2;

    public HeunSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, second: static (_, next) => next, scratchCount: 3)
    {
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Uniform), .. SamplerOptions.Churned];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        if (!IsSecond(call))
        {
            sample.CopyTo(Scratch(KeptSample));
            Derive(modelOutput, call, sample, Scratch(KeptDerivative));
            VectorMath.Add(sample, Scratch(KeptDerivative), (double)Sigmas[(call / 2) + 1] - CallSigmas[call]);
            return;
        }

        double half = ((double)Sigmas[(call / 2) + 1] - CallSigmas[call - 1]) / 2;
        Derive(modelOutput, call, sample, Scratch(Current));
        Scratch(KeptSample).CopyTo(sample);
        VectorMath.Add(sample, Scratch(KeptDerivative), half);
        VectorMath.Add(sample, Scratch(Current), half);
        Raise(call + 1, sample, noise, Current);
    }
}
