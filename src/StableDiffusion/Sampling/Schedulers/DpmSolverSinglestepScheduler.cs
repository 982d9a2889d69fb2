using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DPM-Solver and DPM-Solver++ as singlestep methods of order 1 to 3: Lu et al., "DPM-Solver: A Fast ODE Solver for
/// Diffusion Probabilistic Model Sampling in Around 10 Steps", arXiv:2206.00927, and "DPM-Solver++", arXiv:2211.01095.
/// Follows diffusers' <c>DPMSolverSinglestepScheduler</c>: the steps are grouped, and each step of a group starts again from
/// the sample at the start of the group, with an order higher by one than the step before.
/// </summary>
internal sealed class DpmSolverSinglestepScheduler : SolverScheduler
{
    private const int GroupStart = 0;
    private const int Noise = 1;

    private readonly DpmSolver _solver;
    private readonly int[] _orders;

    public DpmSolverSinglestepScheduler(SchedulerSettings settings, int steps)
        : base(
            settings,
            SolverTables.Choose(settings, steps, NoiseSchedule.Create(settings), repeatsLast: false),
            settings.Integer("solver_order"),
            scratchCount: 2)
    {
        _solver = DpmSolver.Create(settings);
        _orders = Orders(settings, steps);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.SolverOrder(2),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow),
        .. SchedulerOptions.Thresholding,
        DpmSolver.Algorithm("dpmsolver", "dpmsolver++", "sde-dpmsolver++"),
        DpmSolver.Rule,
        SchedulerOptions.LowerOrderFinal(false),
        .. SchedulerOptions.SigmaSchedules,
        .. SchedulerOptions.FlowSigmas,
        SchedulerOptions.FinalSigmas,
        SchedulerOptions.LambdaMinClipped,
        SchedulerOptions.CustomTimesteps,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Span<float> newest = PushHistory();
        Predict(_solver.PredictsClean, modelOutput, call, sample, newest);

        // A run that starts within a group has fewer earlier outputs.
        int order = DistinctPoints(call, Math.Min(_orders[call], HistoryCount));
        Span<float> start = Scratch(GroupStart);
        if (order == 1)
            sample.CopyTo(start);
        else
            start.CopyTo(sample);

        int from = call - order + 1;
        DpmStep step = _solver.Start(Alpha(from), Sigma(from), Lambda(from), Alpha(call + 1), Sigma(call + 1), Lambda(call + 1));
        double r0 = (Lambda(call) - Lambda(from)) / step.Length;
        switch (order)
        {
            case 1:
                VectorMath.Combine(sample, step.Sample, newest, step.Value);
                break;
            case 2:
                VectorMath.Combine(sample, step.Sample, newest, step.Slope / r0);
                VectorMath.Add(sample, History(1), step.Value - (step.Slope / r0));
                break;
            default:
                double r1 = (Lambda(call - 1) - Lambda(from)) / step.Length;
                (double far, double near) = _solver.IsHeun
                    ? (((2 * step.Curvature) - (step.ThirdOrderSlope * r1)) / (r0 - r1), ((step.ThirdOrderSlope * r0) - (2 * step.Curvature)) / (r0 - r1))
                    : (step.ThirdOrderSlope, 0);
                VectorMath.Combine(sample, step.Sample, newest, far / r0);
                VectorMath.Add(sample, History(1), near / r1);
                VectorMath.Add(sample, History(2), step.Value - (far / r0) - (near / r1));
                break;
        }

        if (_solver.IsStochastic)
            VectorMath.Add(sample, Draw(noise, Noise, Sigmas[from], Sigmas[call + 1]), step.Noise);
    }

    /// <summary>The order of each step: groups of rising order, with lower orders at the end if the number of steps is not a multiple.</summary>
    private static int[] Orders(SchedulerSettings settings, int steps)
    {
        int order = settings.Integer("solver_order");
        bool endsAtZero = settings.Word("final_sigmas_type") == "zero";
        int[] orders = new int[steps];
        for (int i = 0; i < steps; i++)
            orders[i] = (i % order) + 1;

        // The last group falls again, unless it is incomplete anyway; a step to a noise level of zero is always of order 1.
        if (endsAtZero || (settings.Flag("lower_order_final") && steps % order == 0))
            orders[^1] = 1;
        return orders;
    }
}
