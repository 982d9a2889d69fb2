using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Multistep sampling of latent consistency models: Luo et al., "Latent Consistency Models: Synthesizing
/// High-Resolution Images with Few-Step Inference", arXiv:2310.04378, algorithm 3. Follows diffusers'
/// <c>LCMScheduler</c>.
/// </summary>
internal sealed class LcmScheduler : AlphaScheduler
{
    private const double DataDeviation = 0.5;
    private const int PictureScratch = 0;
    private const int OtherScratch = 1;

    private readonly double _timestepScaling;
    private readonly PictureLimiter _limiter;

    public LcmScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, DistilledTimesteps.Choose(settings, steps), scratchCount: 2)
    {
        _timestepScaling = settings.Number("timestep_scaling");
        _limiter = new PictureLimiter(settings);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. Options.Betas,
        DistilledTimesteps.OriginalSteps,
        .. Options.ClipSample(false),
        Options.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        .. Options.Thresholding,
        Options.Real("timestep_scaling", 10, "What timesteps are multiplied by in the consistency model's boundary condition.", minimum: 0),
        Options.ZeroTerminalSnr,
        Options.CustomTimesteps,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double product = Alpha(Timestep(call));
        Span<float> picture = Scratch(PictureScratch);
        Mix toPicture = Prediction.Picture(PredictionType, Math.Sqrt(product), Math.Sqrt(1 - product));
        Elementwise.Combine(picture, sample, toPicture.Sample, modelOutput, toPicture.Output);
        if (_limiter.IsActive)
            _limiter.Apply(picture, Scratch(OtherScratch));

        double scaled = Timestep(call) * _timestepScaling;
        double norm = (scaled * scaled) + (DataDeviation * DataDeviation);
        double skip = DataDeviation * DataDeviation / norm;
        double output = scaled / Math.Sqrt(norm);
        if (call == Timesteps.Count - 1)
        {
            Elementwise.Combine(sample, skip, picture, output);
            return;
        }

        double next = Alpha(Timestep(call + 1));
        double root = Math.Sqrt(next);
        Elementwise.Combine(sample, root * skip, picture, root * output);
        Elementwise.Add(sample, Draw(noise, OtherScratch, Sigma(product), Sigma(next)), Math.Sqrt(1 - next));
    }
}
