using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// SA-Solver: Xue et al., "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models", arXiv:2309.05019.
/// Follows diffusers' <c>SASolverScheduler</c>: a stochastic Adams-Bashforth predictor and an Adams-Moulton corrector that
/// needs no further model call. Noise is added only from timestep 800 to 200.
/// </summary>
internal sealed class SaSolverScheduler : SolverScheduler
{
    private const int LastSample = 0;
    private const int LastNoise = 1;
    private const int NewOutput = 2;
    private const int MaxOrder = 4;

    private readonly NoiseSchedule _noise;
    private readonly int _predictorOrder;
    private readonly int _correctorOrder;
    private readonly bool _predictsClean;
    private readonly bool _lowerOrderFinal;

    public SaSolverScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, NoiseSchedule.Create(settings))
    {
    }

    private SaSolverScheduler(SchedulerSettings settings, int steps, NoiseSchedule noise)
        : base(
            settings,
            SolverTables.Choose(settings, steps, noise, repeatsLast: true),
            Math.Max(settings.Integer("predictor_order"), settings.Integer("corrector_order") - 1),
            scratchCount: 3)
    {
        _noise = noise;
        _predictorOrder = settings.Integer("predictor_order");
        _correctorOrder = settings.Integer("corrector_order");
        _predictsClean = settings.Word("algorithm_type") == "data_prediction";
        _lowerOrderFinal = settings.Flag("lower_order_final");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Count("predictor_order", 2, "The order of the predictor.", minimum: 1, maximum: MaxOrder),
        SchedulerOptions.Count("corrector_order", 2, "The order of the corrector.", minimum: 1, maximum: MaxOrder),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity, PredictionType.Flow),
        .. SchedulerOptions.Thresholding,
        SchedulerOptions.Choice("algorithm_type", "data_prediction", "What is integrated: the image or the noise.", "data_prediction", "noise_prediction") with { IgnoresForeignWords = true },
        SchedulerOptions.LowerOrderFinal(true),
        .. SchedulerOptions.SigmaSchedules,
        .. SchedulerOptions.FlowSigmas,
        SchedulerOptions.LambdaMinClipped,
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
    ];

    /// <inheritdoc/>
    /// <remarks>Uses the noise level of the call's integer timestep, as diffusers does. With Karras sigmas this is not exactly that of the sample.</remarks>
    public override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised)
    {
        double alpha = _noise.AlphaCumprod((int)Timesteps[call]);
        VectorMath.Combine(noised, original, Math.Sqrt(alpha), noise, Math.Sqrt(1 - alpha));
    }

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Span<float> output = Scratch(NewOutput);
        Predict(_predictsClean, modelOutput, call, sample, output);

        if (CallsMade > 0)
        {
            Scratch(LastSample).CopyTo(sample);
            Update(sample, call - 1, CorrectorOrder(call - 1), output, Scratch(LastNoise));
        }

        output.CopyTo(PushHistory());
        sample.CopyTo(Scratch(LastSample));
        int predictorOrder = PredictorOrder(call, Math.Min(Math.Min(_predictorOrder, StepsLeft(call)), HistoryCount));
        Update(sample, call, predictorOrder, [], Draw(noise, LastNoise, Sigmas[call], Sigmas[call + 1]));
    }

    /// <summary>The order of the correction of a step, while the output of the next call is not in the history yet.</summary>
    private int CorrectorOrder(int call) => DistinctPoints(call + 1, Math.Min(Math.Min(_correctorOrder, StepsLeft(call) + 1), HistoryCount + 1));

    /// <summary>The number of steps to the end of the run where the order falls towards it.</summary>
    private int StepsLeft(int call) => _lowerOrderFinal ? Timesteps.Count - call : MaxOrder;

    /// <summary>How strongly noise is added in the step that starts with a call.</summary>
    private double Tau(int call) => Timesteps[call] is >= 200 and <= 800 ? 1 : 0;

    /// <summary>Moves the sample from one call to the next: the predictor without, the corrector with the output of the next call.</summary>
    private void Update(Span<float> sample, int from, int order, ReadOnlySpan<float> nextOutput, ReadOnlySpan<float> noise)
    {
        double tau = Tau(from);
        double h = Lambda(from + 1) - Lambda(from);
        double rate = _predictsClean ? 1 + (tau * tau) : -1;

        bool corrects = !nextOutput.IsEmpty;
        Span<double> points = stackalloc double[MaxOrder];
        for (int i = 0; i < order; i++)
            points[i] = Lambda(corrects ? from + 1 - i : from - i);

        Span<double> weights = stackalloc double[MaxOrder];
        Integrate(points[..order], Lambda(from), Lambda(from + 1), rate, weights[..order]);
        if (_predictsClean && order == 2)
        {
            // diffusers' own second-order term, with which the method is DPM-Solver++ if no noise is added.
            double term = Math.Exp(rate * Lambda(from + 1))
                * ((h * h / 2) - (((h * rate) - 1 + Math.Exp(-rate * h)) / (rate * rate)))
                / (points[0] - points[1]);
            weights[0] += term;
            weights[1] -= term;
        }

        double scale = _predictsClean
            ? rate * Sigma(from + 1) * Math.Exp(-tau * tau * Lambda(from + 1))
            : -(1 + (tau * tau)) * Alpha(from + 1);
        VectorMath.Scale(
            sample,
            _predictsClean ? Math.Exp(-tau * tau * h) * Sigma(from + 1) / Sigma(from) : Alpha(from + 1) / Alpha(from));
        for (int i = 0; i < order; i++)
            VectorMath.Add(sample, !corrects ? History(i) : i == 0 ? nextOutput : History(i - 1), scale * weights[i]);

        double deviation = _predictsClean
            ? Math.Sqrt(1 - Math.Exp(-2 * tau * tau * h))
            : tau * Math.Sqrt(Math.Exp(2 * h) - 1);
        VectorMath.Add(sample, noise, Sigma(from + 1) * deviation);
    }

    /// <summary>
    /// Integrates, from one lambda to another and weighted by exp(rate * lambda), the polynomials that are 1 at one of the points
    /// and 0 at the others.
    /// </summary>
    private static void Integrate(ReadOnlySpan<double> points, double from, double to, double rate, Span<double> integrals)
    {
        Span<double> moments = stackalloc double[MaxOrder];
        for (int power = 0; power < points.Length; power++)
        {
            double ends = (Math.Pow(to, power) * Math.Exp(rate * to)) - (Math.Pow(from, power) * Math.Exp(rate * from));
            moments[power] = (ends - (power > 0 ? power * moments[power - 1] : 0)) / rate;
        }

        Span<double> polynomial = stackalloc double[MaxOrder];
        for (int own = 0; own < points.Length; own++)
        {
            polynomial.Clear();
            polynomial[0] = 1;
            int degree = 0;
            for (int other = 0; other < points.Length; other++)
            {
                if (other == own)
                    continue;

                degree++;
                double divisor = points[own] - points[other];
                for (int power = degree; power >= 0; power--)
                    polynomial[power] = ((power > 0 ? polynomial[power - 1] : 0) - (points[other] * polynomial[power])) / divisor;
            }

            integrals[own] = 0;
            for (int power = 0; power < points.Length; power++)
                integrals[own] += polynomial[power] * moments[power];
        }
    }
}
