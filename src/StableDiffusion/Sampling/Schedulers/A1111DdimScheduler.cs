using StableDiffusion.Noise;
using StableDiffusion.Sampling.KDiffusion;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DDIM as A1111 1.10.1 runs it (<c>modules/sd_samplers_timesteps_impl.py</c>, <c>sd_samplers_timesteps.py</c>): it ends at
/// timestep 1, one call before diffusers' does, and starts from an image at the level of the call before its first one.
/// </summary>
internal sealed class A1111DdimScheduler : AlphaScheduler
{
    private const int CleanScratch = 0;
    private const int NoiseScratch = 1;
    private const int LastTimestep = 1;

    private readonly double _eta;

    public A1111DdimScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, Spaced(settings.Integer("num_train_timesteps"), steps), scratchCount: 2)
    {
        _eta = settings.Number("eta");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Velocity),
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.Eta(0, "How much noise each step adds: 0 none (DDIM), 1 as much as DDPM."),
    ];

    /// <inheritdoc/>
    public override StrengthRule OwnRule => StrengthRule.A1111;

    /// <inheritdoc/>
    public override bool BlendsInput => true;

    /// <inheritdoc/>
    public override double FinalSigma => Sigma(Alpha(LastTimestep));

    /// <summary>The call at which image-to-image starts, as A1111 counts it: one step less than <c>floor(steps * strength)</c> is run.</summary>
    /// <inheritdoc/>
    public override int FirstCall(double strength)
    {
        base.FirstCall(strength);
        return Timesteps.Count + 1 - (int)(Math.Min(strength, Sampler.HighestStrength) * Steps);
    }

    /// <inheritdoc/>
    public override void AddStartNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) =>
        AddNoise(original, noise, Math.Max(call - 1, 0), noised);

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double product = Alpha(Timestep(call)), previous = Alpha(call + 1 < Timesteps.Count ? Timestep(call + 1) : LastTimestep);
        (double alpha, double sigma) = (Math.Sqrt(product), Math.Sqrt(1 - product));
        double deviation = _eta * Math.Sqrt((1 - previous) / (1 - product) * (1 - (product / previous)));
        double direction = Math.Sqrt(Math.Max(1 - previous - (deviation * deviation), 0));

        Span<float> clean = Scratch(CleanScratch);
        PredictionWeights toClean = Prediction.Clean(PredictionType, alpha, sigma), toNoise = Prediction.Noise(PredictionType, alpha, sigma);
        VectorMath.Combine(clean, sample, toClean.Sample, modelOutput, toClean.Output);
        VectorMath.Combine(sample, direction * toNoise.Sample, modelOutput, direction * toNoise.Output);
        VectorMath.Add(sample, clean, Math.Sqrt(previous));
        if (_eta > 0)
            VectorMath.Add(sample, Draw(noise, NoiseScratch, Sigma(product), Sigma(previous)), deviation);
    }

    // From the noisy end; the first of A1111's list, timestep 1, is where the last call leads to.
    private static double[] Spaced(int trainSteps, int steps)
    {
        if (steps < 2)
            throw new InvalidSettingException("Steps", "DDIM of A1111 makes one call less than its steps. Give 2 steps or more, or use DDIM.");
        int stride = Math.Max(trainSteps / steps, 1);
        double[] ascending = [.. Enumerable.Range(1, (trainSteps - 1) / stride).Select(i => (double)Math.Min((i * stride) + 1, trainSteps - 1))];
        Array.Reverse(ascending);
        return ascending;
    }
}
