using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>The linear multistep method: k-diffusion's <c>sample_lms</c>, for the equation of Karras et al., arXiv:2206.00364.</summary>
internal sealed class LmsSampler : Sampler
{
    private const int MaxOrder = 4;

    public LmsSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, historyDepth: settings.Integer(SamplerOptions.Order))
    {
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SamplerOptions.Common(NoiseLevels.Uniform),
        SamplerOptions.OfRun(SchedulerOptions.Count(SamplerOptions.Order, MaxOrder, "The number of derivatives that a step uses.", minimum: 1, maximum: MaxOrder)),
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Derive(modelOutput, call, sample, PushHistory());
        for (int back = 0; back < HistoryCount; back++)
            VectorMath.Add(sample, History(back), LinearMultistep.Coefficient(Sigmas, HistoryCount, call, back));
    }
}
