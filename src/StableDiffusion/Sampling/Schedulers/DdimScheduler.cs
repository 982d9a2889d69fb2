using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DDIM: Song, Meng and Ermon, "Denoising Diffusion Implicit Models", arXiv:2010.02502, formulas (12) and (16). Follows
/// diffusers' <c>DDIMScheduler</c>.
/// </summary>
internal sealed class DdimScheduler : AlphaScheduler
{
    private const int CleanScratch = 0;
    private const int OtherScratch = 1;

    private readonly int _stride;
    private readonly double _eta;
    private readonly bool _usesClippedOutput;
    private readonly DynamicThresholding _thresholding;

    public DdimScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, Spaced(settings, steps), scratchCount: 2)
    {
        _stride = Noise.Length / steps;
        _eta = settings.Number("eta");
        _usesClippedOutput = settings.Flag("use_clipped_model_output");
        _thresholding = new DynamicThresholding(settings);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        .. SchedulerOptions.ClipSample(true),
        SchedulerOptions.SetAlphaToOne(true),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Spacing(SchedulerOptions.Leading),
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.Eta(0, "How much noise each step adds: 0 none (DDIM), 1 as much as DDPM."),
        SchedulerOptions.Toggle("use_clipped_model_output", false, "Derive the noise anew from the clipped image.") with { IsConfigurable = false },
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        int timestep = Timestep(call);
        double product = Alpha(timestep);
        double previous = Alpha(timestep - _stride);
        (double alpha, double sigma) = (Math.Sqrt(product), Math.Sqrt(1 - product));

        Span<float> clean = Scratch(CleanScratch);
        PredictionWeights toClean = Prediction.Clean(PredictionType, alpha, sigma);
        VectorMath.Combine(clean, sample, toClean.Sample, modelOutput, toClean.Output);
        if (_thresholding.IsActive)
            _thresholding.Apply(clean, Scratch(OtherScratch));

        double deviation = _eta * Math.Sqrt((1 - previous) / (1 - product) * (1 - (product / previous)));
        double direction = Math.Sqrt(Math.Max(1 - previous - (deviation * deviation), 0));
        if (_usesClippedOutput)
        {
            VectorMath.Combine(sample, direction / sigma, clean, Math.Sqrt(previous) - (direction * alpha / sigma));
        }
        else
        {
            PredictionWeights toNoise = Prediction.Noise(PredictionType, alpha, sigma);
            VectorMath.Combine(sample, direction * toNoise.Sample, modelOutput, direction * toNoise.Output);
            VectorMath.Add(sample, clean, Math.Sqrt(previous));
        }

        if (_eta > 0)
            VectorMath.Add(sample, Draw(noise, OtherScratch, Sigma(product), Sigma(previous)), deviation);
    }

    private static double[] Spaced(SchedulerSettings settings, int steps) => TimestepSpacing.Choose(
        settings.Word("timestep_spacing"), steps, settings.Integer("num_train_timesteps"), settings.Integer("steps_offset"), whole: true);
}
