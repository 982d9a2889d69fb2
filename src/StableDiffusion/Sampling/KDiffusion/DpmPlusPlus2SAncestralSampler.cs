using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// Ancestral sampling with the singlestep DPM-Solver++ of order 2 ("DPM++ 2S a"): k-diffusion's
/// <c>sample_dpmpp_2s_ancestral</c>, after Lu et al., "DPM-Solver++", arXiv:2211.01095.
/// </summary>
internal sealed class DpmPlusPlus2SAncestralSampler : Sampler
{
    private const int KeptSample = 0;
    private const int Denoised = 1;
    private const int Noise = 2;

    private readonly double _eta;
    private readonly double _noiseScale;

    public DpmPlusPlus2SAncestralSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, (sigma, next) => Middle(sigma, next, settings.Number(SamplerOptions.Eta)), scratchCount: 3)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Karras), .. SamplerOptions.Stochastic];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        int step = call / 2;
        (float sigma, float next) = (Sigmas[step], Sigmas[step + 1]);
        (float down, float up) = AncestralStep.Split(sigma, next, _eta);
        if (IsSecond(call) && down == 0)
            return;

        Span<float> denoised = Scratch(Denoised);
        Denoise(modelOutput, call, sample, denoised);
        if (!IsSecond(call))
        {
            sample.CopyTo(Scratch(KeptSample));
            double ratio = down > 0 ? (double)CallSigmas[call + 1] / sigma : 0;
            VectorMath.Combine(sample, ratio, denoised, 1 - ratio);
            if (down > 0)
                return;
        }
        else
        {
            double ratio = (double)down / sigma;
            VectorMath.Combine(sample, Scratch(KeptSample), ratio, denoised, 1 - ratio);
        }

        if (next > 0 && _eta > 0)
            VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * up);
    }

    private static float Middle(float sigma, float next, double eta)
    {
        // If the model's part ends at zero, the step is one of Euler's method, and its second call changes nothing.
        float down = AncestralStep.Split(sigma, next, eta).Down;
        return down > 0 ? DpmPlusPlusSdeSampler.Middle(sigma, down, 0.5) : next;
    }
}
