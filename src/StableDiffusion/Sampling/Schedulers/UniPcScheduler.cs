using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// UniPC: Zhao, Bai, Rao, Zhou and Lu, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion
/// Models", arXiv:2302.04867. Follows diffusers' <c>UniPCMultistepScheduler</c>: each call first corrects the sample that the
/// last call predicted, without a further model call, and then predicts the next one.
/// </summary>
internal sealed class UniPcScheduler : SolverScheduler
{
    private const int LastSample = 0;
    private const int NewOutput = 1;
    private const int MaxOrder = 3;

    private readonly int _order;
    private readonly bool _predictsClean;
    private readonly bool _isFirstVariant;
    private readonly bool _lowerOrderFinal;
    private readonly HashSet<int> _uncorrected;

    public UniPcScheduler(SchedulerSettings settings, int steps)
        : base(
            settings,
            SolverTables.Choose(settings, steps, NoiseSchedule.Create(settings, finiteTerminal: true), repeatsLast: true, flowsFromOne: true),
            settings.Integer("solver_order"),
            scratchCount: 2)
    {
        _order = settings.Integer("solver_order");
        _predictsClean = settings.Flag("predict_x0");
        _isFirstVariant = settings.Word("solver_type") == "bh1";
        _lowerOrderFinal = settings.Flag("lower_order_final");
        _uncorrected = [.. (settings.Numbers("disable_corrector") ?? []).Select(step => (int)step)];
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.SolverOrder(2),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Toggle("predict_x0", true, "Integrate the image rather than the noise."),
        SchedulerOptions.Choice("solver_type", "bh2", "The paper's B(h): bh1 for few steps without guidance, bh2 else.", "bh1", "bh2") with { IgnoresForeignWords = true },
        SchedulerOptions.LowerOrderFinal(true),
        SchedulerOptions.List("disable_corrector", "Steps, counted from 0, that are not corrected; early ones suffer from strong guidance.") with { Minimum = 0 },
        .. SchedulerOptions.SigmaSchedules,
        .. SchedulerOptions.FlowSigmas,
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.FinalSigmas,
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.Real("sigma_min", null, "The least noise level of those rules; the model's own if not given.", minimum: 0),
        SchedulerOptions.Real("sigma_max", null, "The greatest noise level of those rules; the model's own if not given.", minimum: 0),
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Span<float> output = Scratch(NewOutput);
        Predict(_predictsClean, modelOutput, call, sample, output);

        if (CallsMade > 0 && !_uncorrected.Contains(call - 1))
        {
            Scratch(LastSample).CopyTo(sample);
            Update(sample, call - 1, OrderAt(call - 1), output);
        }

        output.CopyTo(PushHistory());
        sample.CopyTo(Scratch(LastSample));
        Update(sample, call, OrderAt(call), []);
    }

    /// <summary>The order of a step; of the last one too, as long as the output of the next call is not in the history.</summary>
    private int OrderAt(int call)
    {
        int order = Math.Min(_order, HistoryCount);
        if (_lowerOrderFinal || double.IsInfinity(Lambda(call + 1)))
            order = Math.Min(order, Timesteps.Count - call);
        return PredictorOrder(call, order);
    }

    /// <summary>Moves the sample from one call to the next: algorithm 2 of the paper without, algorithm 1 with the output of the next call.</summary>
    private void Update(Span<float> sample, int from, int order, ReadOnlySpan<float> nextOutput)
    {
        double h = Lambda(from + 1) - Lambda(from);
        double signed = _predictsClean ? -h : h;
        double phi = Math.Exp(signed) - 1;
        double scale = _predictsClean ? Alpha(from + 1) : Sigma(from + 1);

        Span<double> points = stackalloc double[MaxOrder];
        for (int i = 1; i < order; i++)
            points[i - 1] = (Lambda(from - i) - Lambda(from)) / h;
        points[order - 1] = 1;

        // The predictor uses all points but the last, which is its target.
        int known = nextOutput.IsEmpty ? order - 1 : order;
        Span<double> weights = stackalloc double[MaxOrder];
        Residuals(points[..known], signed, phi, weights[..known]);

        double own = -scale * phi;
        for (int i = 0; i < known; i++)
        {
            weights[i] *= -scale * (_isFirstVariant ? signed : phi) / points[i];
            own -= weights[i];
        }

        VectorMath.Combine(sample, _predictsClean ? Sigma(from + 1) / Sigma(from) : Alpha(from + 1) / Alpha(from), History(0), own);
        for (int i = 1; i < order; i++)
            VectorMath.Add(sample, History(i), weights[i - 1]);
        if (!nextOutput.IsEmpty)
            VectorMath.Add(sample, nextOutput, weights[order - 1]);
    }

    /// <summary>The weights of the differences at the points: solves the paper's equation (7), divided by B(h).</summary>
    private void Residuals(ReadOnlySpan<double> points, double signed, double phi, Span<double> weights)
    {
        // With one point, the paper's appendix uses one half in place of the solution, for stability.
        if (points.Length == 1)
        {
            weights[0] = 0.5;
            return;
        }

        int size = points.Length;
        Span<double> matrix = stackalloc double[MaxOrder * MaxOrder];
        double term = (phi / signed) - 1;
        double factorial = 1;
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++)
                matrix[(row * size) + column] = Math.Pow(points[column], row);

            weights[row] = term * factorial / (_isFirstVariant ? signed : phi);
            factorial *= row + 2;
            term = (term / signed) - (1 / factorial);
        }

        Solve(matrix, weights);
    }

    /// <summary>Solves a small linear system by elimination; since the points are distinct and not 0, no pivot vanishes.</summary>
    private static void Solve(Span<double> matrix, Span<double> right)
    {
        int size = right.Length;
        for (int pivot = 0; pivot < size; pivot++)
        {
            for (int row = pivot + 1; row < size; row++)
            {
                double factor = matrix[(row * size) + pivot] / matrix[(pivot * size) + pivot];
                for (int column = pivot; column < size; column++)
                    matrix[(row * size) + column] -= factor * matrix[(pivot * size) + column];
                right[row] -= factor * right[pivot];
            }
        }

        for (int row = size - 1; row >= 0; row--)
        {
            for (int column = row + 1; column < size; column++)
                right[row] -= matrix[(row * size) + column] * right[column];
            right[row] /= matrix[(row * size) + row];
        }
    }
}
