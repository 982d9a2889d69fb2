using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The stochastic multistep DPM-Solver++ of order 3 ("DPM++ 3M SDE"): k-diffusion's <c>sample_dpmpp_3m_sde</c>, after
/// Lu et al., "DPM-Solver++", arXiv:2211.01095.
/// </summary>
internal sealed class DpmPlusPlus3MSdeSampler : Sampler
{
    private const int Noise = 0;

    private readonly double _eta;
    private readonly double _noiseScale;

    public DpmPlusPlus3MSdeSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, historyDepth: 3, scratchCount: 1)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Exponential, discards: true), .. SamplerOptions.Stochastic];

    protected override bool FollowsPath => true;

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        (float sigma, float next) = (Sigmas[call], Sigmas[call + 1]);
        Span<float> denoised = PushHistory();
        Denoise(modelOutput, call, sample, denoised);
        if (next == 0)
        {
            denoised.CopyTo(sample);
            return;
        }

        double length = Length(call);
        double reach = length * (1 + _eta);
        double weight = 1 - Math.Exp(-reach);
        VectorMath.Combine(sample, 1 - weight, denoised, weight);
        if (length > 0)
            Correct(sample, denoised, call, reach, 1 - (weight / reach));

        if (_eta > 0)
            VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * next * Math.Sqrt(1 - Math.Exp(-2 * _eta * length)));
    }

    /// <summary>Adds the terms for the slope and the curvature of the earlier clean samples.</summary>
    private void Correct(Span<float> sample, ReadOnlySpan<float> denoised, int call, double reach, double phi2)
    {
        // The slope between equal noise levels is undefined.
        double length = Length(call);
        double last = HistoryCount > 1 ? Length(call - 1) / length : 0;
        double before = HistoryCount > 2 ? Length(call - 2) / length : 0;
        if (last == 0)
            return;

        double slope = phi2;
        double bend = 0;
        if (before > 0)
        {
            double phi3 = (phi2 / reach) - 0.5;
            bend = ((phi2 * last) - phi3) / (last + before);
            slope = phi2 + bend;
        }

        // slope * (newest - last) / r0 - bend * (last - the one before) / r1
        VectorMath.Add(sample, denoised, slope / last);
        VectorMath.Add(sample, History(1), -slope / last);
        if (before > 0)
        {
            VectorMath.Add(sample, History(1), -bend / before);
            VectorMath.Add(sample, History(2), bend / before);
        }
    }

    /// <summary>The decrease of the noise level's logarithm in a step.</summary>
    private double Length(int step) => Math.Log((double)Sigmas[step] / Sigmas[step + 1]);
}
