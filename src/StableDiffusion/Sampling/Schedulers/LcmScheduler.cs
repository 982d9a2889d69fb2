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
    private const int CleanScratch = 0;
    private const int OtherScratch = 1;

    private readonly double _timestepScaling;
    private readonly DynamicThresholding _thresholding;

    public LcmScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, DistilledTimesteps.Choose(settings, steps), scratchCount: 2)
    {
        _timestepScaling = settings.Number("timestep_scaling");
        _thresholding = new DynamicThresholding(settings);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        DistilledTimesteps.OriginalSteps,
        .. SchedulerOptions.ClipSample(false),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Real("timestep_scaling", 10, "What timesteps are multiplied by in the consistency model's boundary condition.", minimum: 0),
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.CustomTimesteps,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double product = Alpha(Timestep(call));
        Span<float> clean = Scratch(CleanScratch);
        PredictionWeights toClean = Prediction.Clean(PredictionType, Math.Sqrt(product), Math.Sqrt(1 - product));
        VectorMath.Combine(clean, sample, toClean.Sample, modelOutput, toClean.Output);
        if (_thresholding.IsActive)
            _thresholding.Apply(clean, Scratch(OtherScratch));

        double scaled = Timestep(call) * _timestepScaling;
        double norm = (scaled * scaled) + (DataDeviation * DataDeviation);
        double skip = DataDeviation * DataDeviation / norm;
        double output = scaled / Math.Sqrt(norm);
        if (call == Timesteps.Count - 1)
        {
            VectorMath.Combine(sample, skip, clean, output);
            return;
        }

        double next = Alpha(Timestep(call + 1));
        double root = Math.Sqrt(next);
        VectorMath.Combine(sample, root * skip, clean, root * output);
        VectorMath.Add(sample, Draw(noise, OtherScratch, Sigma(product), Sigma(next)), Math.Sqrt(1 - next));
    }
}
