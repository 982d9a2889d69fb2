using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The multistep DPM-Solver++ of order 2 ("DPM++ 2M"): k-diffusion's <c>sample_dpmpp_2m</c>, after Lu et al.,
/// "DPM-Solver++", arXiv:2211.01095.
/// </summary>
internal sealed class DpmPlusPlus2MSampler : Sampler
{
    public DpmPlusPlus2MSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, historyDepth: 2)
    {
    }

    public static SchedulerOption[] OptionList { get; } = [.. SamplerOptions.Common(NoiseLevels.Karras)];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Denoise(modelOutput, call, sample, PushHistory());
        double ratio = (double)Sigmas[call + 1] / Sigmas[call];
        double slope = 0;
        if (HistoryCount > 1 && ratio is > 0 and < 1)
            slope = Math.Log(ratio) / Math.Log((double)Sigmas[call] / Sigmas[call - 1]) / 2;

        VectorMath.Combine(sample, ratio, History(0), (1 - ratio) * (1 + slope));
        if (slope != 0)
            VectorMath.Add(sample, History(1), -(1 - ratio) * slope);
    }
}
