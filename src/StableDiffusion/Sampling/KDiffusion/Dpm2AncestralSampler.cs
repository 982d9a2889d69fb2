using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// Ancestral sampling with the midpoint form of DPM-Solver-2 ("DPM2 a"): k-diffusion's <c>sample_dpm_2_ancestral</c>,
/// after algorithm 2 of arXiv:2206.00364.
/// </summary>
internal sealed class Dpm2AncestralSampler : Sampler
{
    private const int KeptSample = 0;
    private const int Noise = 1;

    private readonly double _eta;
    private readonly double _noiseScale;

    public Dpm2AncestralSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, (sigma, next) => Middle(sigma, next, settings.Number(SamplerOptions.Eta)), scratchCount: 2)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Karras, discards: true), .. SamplerOptions.Stochastic];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        int step = call / 2;
        (float sigma, float next) = (Sigmas[step], Sigmas[step + 1]);
        (float down, float up) = AncestralStep.Split(sigma, next, _eta);
        if (!IsSecond(call))
        {
            sample.CopyTo(Scratch(KeptSample));
            double target = down > 0 ? CallSigmas[call + 1] : 0;
            Move(modelOutput, call, sample, target - sigma);
        }
        else if (down > 0)
        {
            Derive(modelOutput, call, sample, sample);
            VectorMath.Combine(sample, (double)down - sigma, Scratch(KeptSample), 1);
            if (_eta > 0)
                VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * up);
        }
    }

    /// <summary>The geometric mean of the noise levels between which the model's part of a step runs.</summary>
    /// <remarks>
    /// A step whose part ends at zero is a step of Euler's method with one call; its second call then changes nothing, at any level.
    /// </remarks>
    private static float Middle(float sigma, float next, double eta)
    {
        float down = AncestralStep.Split(sigma, next, eta).Down;
        return down > 0 ? Dpm2Scheduler.GeometricMean(sigma, down) : next;
    }
}
