using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Strategic stochastic sampling: Zheng et al., "Trajectory Consistency Distillation: Improved Latent Consistency
/// Distillation by Semi-Linear Consistency Function with Trajectory Mapping", arXiv:2402.19159, algorithm 4. Follows
/// diffusers' <c>TCDScheduler</c>.
/// </summary>
internal sealed class TcdScheduler : AlphaScheduler
{
    private readonly double _eta;

    public TcdScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, DistilledTimesteps.Choose(settings, steps), scratchCount: 1)
    {
        _eta = settings.Number("eta");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        DistilledTimesteps.OriginalSteps,
        SchedulerOptions.Toggle("clip_sample", false, "Taken for the sake of configs that have it; TCD does not clip."),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.CustomTimesteps,
        SchedulerOptions.Eta(0.3, "How much of each step is fresh noise (the paper's gamma): 0 none, 1 all; more for more steps."),
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        bool isLast = call == Timesteps.Count - 1;
        int next = isLast ? 0 : Timestep(call + 1);

        // In float32 as in PyTorch, so that the floor is the same.
        int target = (int)MathF.Floor((float)(1 - _eta) * next);
        double product = Alpha(Timestep(call));
        double targetProduct = Alpha(target);
        (double alpha, double sigma) = (Math.Sqrt(product), Math.Sqrt(1 - product));
        (double targetAlpha, double targetSigma) = (Math.Sqrt(targetProduct), Math.Sqrt(1 - targetProduct));

        PredictionWeights toClean = Prediction.Clean(PredictionType, alpha, sigma);
        PredictionWeights toNoise = Prediction.Noise(PredictionType, alpha, sigma);
        double nextProduct = Alpha(next);
        double kept = isLast || _eta == 0 ? 1 : Math.Sqrt(nextProduct / targetProduct);
        VectorMath.Combine(
            sample,
            kept * ((targetAlpha * toClean.Sample) + (targetSigma * toNoise.Sample)),
            modelOutput,
            kept * ((targetAlpha * toClean.Output) + (targetSigma * toNoise.Output)));
        if (!isLast && _eta > 0)
            VectorMath.Add(sample, Draw(noise, 0, Sigma(product), Sigma(nextProduct)), Math.Sqrt(1 - (nextProduct / targetProduct)));
    }
}
