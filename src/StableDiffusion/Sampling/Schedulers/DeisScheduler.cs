using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DEIS in its log-rho form: Zhang and Chen, "Fast Sampling of Diffusion Models with Exponential Integrator",
/// arXiv:2204.13902, section 3.3. Follows diffusers' <c>DEISMultistepScheduler</c>: the predicted noise is
/// interpolated by a polynomial in log rho (rho being sigma over alpha), which is integrated exactly.
/// </summary>
internal sealed class DeisScheduler : SolverScheduler
{
    private readonly int _order;
    private readonly bool _lowerOrderFinal;

    public DeisScheduler(SchedulerSettings settings, int steps)
        : base(
            settings,
            SolverTables.Choose(settings, steps, NoiseSchedule.Create(settings), repeatsLast: true),
            settings.Integer("solver_order"),
            scratchCount: 0)
    {
        _order = settings.Integer("solver_order");
        _lowerOrderFinal = settings.Flag("lower_order_final") && Timesteps.Count < 15;
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.SolverOrder(2),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Choice("algorithm_type", "deis", "The algorithm; there is one.", "deis") with { IgnoresForeignWords = true },
        SchedulerOptions.Choice("solver_type", "logrho", "The variable of the polynomial; there is one.", "logrho") with { IgnoresForeignWords = true },
        SchedulerOptions.LowerOrderFinal(true),
        .. SchedulerOptions.SigmaSchedules,
        .. SchedulerOptions.FlowSigmas,
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Predict(isClean: false, modelOutput, call, sample, PushHistory());

        int toEnd = Timesteps.Count - 1 - call;
        int order = Math.Min(_order, HistoryCount);
        if (_lowerOrderFinal)
            order = Math.Min(order, toEnd + 1);
        order = PredictorOrder(call, order);

        double alpha = Alpha(call + 1);
        VectorMath.Scale(sample, alpha / Alpha(call));
        for (int back = 0; back < order; back++)
            VectorMath.Add(sample, History(back), alpha * Weight(call, order, back));
    }

    private double Rho(int call) => Sigma(call) / Alpha(call);

    /// <summary>The integral, from this call's rho to the next one's, of the polynomial that is 1 at one call and 0 at the others.</summary>
    private double Weight(int call, int order, int back)
    {
        double from = Rho(call);
        double to = Rho(call + 1);
        double own = Math.Log(Rho(call - back));
        switch (order)
        {
            case 1:
                return to - from;
            case 2:
                double other = Math.Log(Rho(call - 1 + back));
                return (Linear(to, other) - Linear(from, other)) / (own - other);
            default:
                double first = Math.Log(Rho(call - ((back + 1) % 3)));
                double second = Math.Log(Rho(call - ((back + 2) % 3)));
                return (Quadratic(to, first, second) - Quadratic(from, first, second)) / ((own - first) * (own - second));
        }
    }

    /// <summary>An antiderivative of log(rho) - root.</summary>
    private static double Linear(double rho, double root) => rho * (Math.Log(rho) - 1 - root);

    /// <summary>An antiderivative of (log(rho) - first)(log(rho) - second).</summary>
    private static double Quadratic(double rho, double first, double second)
    {
        double log = Math.Log(rho);
        return rho * ((log * log) - ((first + second + 2) * log) + (first * second) + first + second + 2);
    }
}
