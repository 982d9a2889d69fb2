using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DPM-Solver and DPM-Solver++ as multistep methods of order 1 to 3, and their stochastic forms: Lu et al.,
/// "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps", arXiv:2206.00927, and
/// "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", arXiv:2211.01095. Follows
/// diffusers' <c>DPMSolverMultistepScheduler</c>.
/// </summary>
internal sealed class DpmSolverMultistepScheduler : SolverScheduler
{
    private readonly DpmSolver _solver;
    private readonly int _order;
    private readonly bool _lowerOrderFinal;
    private readonly bool _eulerAtFinal;

    public DpmSolverMultistepScheduler(SchedulerSettings settings, int steps)
        : base(
            settings,
            SolverTables.Choose(settings, steps, NoiseSchedule.Create(settings, finiteTerminal: true), repeatsLast: false),
            settings.Integer("solver_order"),
            scratchCount: 1)
    {
        _solver = DpmSolver.Create(settings);
        _order = settings.Integer("solver_order");
        if (_order == 3 && _solver.IsStochastic && !_solver.PredictsClean)
            throw new InvalidSettingException("solver_order", "sde-dpmsolver has no third order. Give solver_order 1 or 2, or algorithm_type sde-dpmsolver++.");

        // With so few steps, lower orders at the end keep the solver stable.
        _lowerOrderFinal = settings.Flag("lower_order_final") && Timesteps.Count < 15;
        _eulerAtFinal = settings.Flag("euler_at_final") || _lowerOrderFinal || Sigmas[^1] == 0;
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.SolverOrder(2),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow),
        .. SchedulerOptions.Thresholding,
        DpmSolver.Algorithm("dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"),
        DpmSolver.Rule,
        SchedulerOptions.LowerOrderFinal(true),
        SchedulerOptions.Toggle("euler_at_final", false, "Use Euler's method for the last step."),
        .. SchedulerOptions.SigmaSchedules,
        SchedulerOptions.Toggle("use_lu_lambdas", false, "Space the noise levels as Lu et al. (arXiv:2206.00927) do."),
        .. SchedulerOptions.FlowSigmas,
        SchedulerOptions.FinalSigmas,
        SchedulerOptions.LambdaMinClipped,
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.CustomTimesteps,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Span<float> newest = PushHistory();
        Predict(_solver.PredictsClean, modelOutput, call, sample, newest);

        DpmStep step = _solver.Start(Alpha(call), Sigma(call), Lambda(call), Alpha(call + 1), Sigma(call + 1), Lambda(call + 1));
        (double w0, double w1, double w2) = (step.Value, 0, 0);
        int order = OrderAt(call);
        if (order == 2)
        {
            double slope = step.Slope / ((Lambda(call) - Lambda(call - 1)) / step.Length);
            (w0, w1) = (w0 + slope, -slope);
        }
        else if (order == 3)
        {
            double r0 = (Lambda(call) - Lambda(call - 1)) / step.Length;
            double r1 = (Lambda(call - 1) - Lambda(call - 2)) / step.Length;
            double newer = ((step.ThirdOrderSlope * (1 + (r0 / (r0 + r1)))) + (step.Curvature / (r0 + r1))) / r0;
            double older = -((step.ThirdOrderSlope * r0) + step.Curvature) / (r0 + r1) / r1;
            (w0, w1, w2) = (w0 + newer, older - newer, -older);
        }

        VectorMath.Combine(sample, step.Sample, newest, w0);
        if (order > 1)
            VectorMath.Add(sample, History(1), w1);
        if (order > 2)
            VectorMath.Add(sample, History(2), w2);
        if (_solver.IsStochastic)
            VectorMath.Add(sample, Draw(noise, 0, Sigmas[call], Sigmas[call + 1]), step.Noise);
    }

    /// <summary>The order of a step, as high as the history and the end of the run allow.</summary>
    private int OrderAt(int call)
    {
        int toEnd = Timesteps.Count - 1 - call;
        int order = Math.Min(_order, HistoryCount);
        if (toEnd == 0 && _eulerAtFinal)
            order = 1;
        else if (toEnd == 1 && _lowerOrderFinal)
            order = Math.Min(order, 2);

        return PredictorOrder(call, order);
    }
}
