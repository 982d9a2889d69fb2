using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// The linear multistep method over noise levels: Adams-Bashforth with unequal steps, as Crowson's k-diffusion introduced it
/// for diffusion models (<c>sample_lms</c>), for the equation of Karras et al., arXiv:2206.00364. Follows diffusers'
/// <c>LMSDiscreteScheduler</c>.
/// </summary>
internal sealed class LmsScheduler : SigmaScheduler
{
    private const int MaxOrder = 4;

    private readonly int _order;

    public LmsScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Levels(settings, NoiseSchedule.Create(settings), steps))
    {
    }

    private LmsScheduler(SchedulerSettings settings, int steps, (double[] Timesteps, double[] Sigmas) levels)
        : base(settings, steps, ToSingle(levels.Timesteps), [.. ToSingle(levels.Sigmas), 0], settings.Integer("order"))
    {
        _order = settings.Integer("order");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        .. SchedulerOptions.SigmaSchedules,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.Count("order", MaxOrder, "How many derivatives a step looks at.", minimum: 1, maximum: MaxOrder) with { IsConfigurable = false },
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        PredictionWeights derivative = Derivative(Sigmas[call]);
        VectorMath.Combine(PushHistory(), sample, derivative.Sample, modelOutput, derivative.Output);

        // The order depends on the position in the schedule. A run that starts late goes without the derivatives that it lacks,
        // as in diffusers.
        int order = Math.Min(call + 1, _order);
        for (int back = 0; back < Math.Min(order, HistoryCount); back++)
            VectorMath.Add(sample, History(back), LinearMultistep.Coefficient(Sigmas, order, call, back));
    }
}
