using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DDPM: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", arXiv:2006.11239, formulas (6) and (7), applied from
/// each timestep of the run to the next. Follows diffusers' <c>DDPMScheduler</c>.
/// </summary>
internal sealed class DdpmScheduler : AlphaScheduler
{
    private const double LeastVariance = 1e-20;
    private const int CleanScratch = 0;
    private const int OtherScratch = 1;

    private readonly bool _isVarianceLarge;
    private readonly DynamicThresholding _thresholding;

    public DdpmScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, Spaced(settings, steps), scratchCount: 2)
    {
        _isVarianceLarge = settings.Word("variance_type").StartsWith("fixed_large", StringComparison.Ordinal);
        _thresholding = new DynamicThresholding(settings);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Choice("variance_type", "fixed_small", "The variance of the added noise: that of the posterior, or that of the forward step.", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"),
        .. SchedulerOptions.ClipSample(true),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Spacing(SchedulerOptions.Leading),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.CustomTimesteps,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double product = Alpha(Timestep(call));
        double previous = call + 1 < Timesteps.Count ? Alpha(Timestep(call + 1)) : 1;
        double stepAlpha = product / previous;
        double stepBeta = 1 - stepAlpha;

        Span<float> clean = Scratch(CleanScratch);
        PredictionWeights toClean = Prediction.Clean(PredictionType, Math.Sqrt(product), Math.Sqrt(1 - product));
        VectorMath.Combine(clean, sample, toClean.Sample, modelOutput, toClean.Output);
        if (_thresholding.IsActive)
            _thresholding.Apply(clean, Scratch(OtherScratch));

        VectorMath.Combine(
            sample,
            Math.Sqrt(stepAlpha) * (1 - previous) / (1 - product),
            clean,
            Math.Sqrt(previous) * stepBeta / (1 - product));
        if (Timestep(call) == 0)
            return;

        double variance = _isVarianceLarge ? stepBeta : Math.Max((1 - previous) / (1 - product) * stepBeta, LeastVariance);
        VectorMath.Add(sample, Draw(noise, OtherScratch, Sigma(product), Sigma(previous)), Math.Sqrt(variance));
    }

    private static double[] Spaced(SchedulerSettings settings, int steps)
    {
        int trained = settings.Integer("num_train_timesteps");
        return settings.Numbers("timesteps") is double[] custom
            ? TimestepSpacing.Custom(custom, steps, trained)
            : TimestepSpacing.Choose(settings.Word("timestep_spacing"), steps, trained, settings.Integer("steps_offset"), whole: true);
    }
}
