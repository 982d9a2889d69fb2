using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Euler's method for models trained by flow matching: Esser et al., "Scaling Rectified Flow Transformers for
/// High-Resolution Image Synthesis", arXiv:2403.03206. The sample is sigma times the noise plus one minus sigma times the
/// clean sample. Follows diffusers' <c>FlowMatchEulerDiscreteScheduler</c>.
/// </summary>
internal sealed class FlowMatchEulerScheduler : TableScheduler
{
    private readonly bool _isStochastic;

    public FlowMatchEulerScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Levels(settings, steps))
    {
    }

    private FlowMatchEulerScheduler(SchedulerSettings settings, int steps, float[] sigmas)
        : base(
            steps,
            Array.ConvertAll(sigmas[..steps], sigma => sigma * settings.Integer("num_train_timesteps")),
            sigmas,
            scratchCount: 1)
    {
        _isStochastic = settings.Flag("stochastic_sampling");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        SchedulerOptions.Count("num_train_timesteps", 1000, "The number of timesteps that the model was trained with.", minimum: 1, maximum: 100_000),
        SchedulerOptions.Real("shift", 1, "How far the noise levels are shifted towards noise.", minimum: 0),
        SchedulerOptions.Toggle("use_dynamic_shifting", false, "Shift by mu, which depends on the image size, in place of shift."),
        SchedulerOptions.Choice("time_shift_type", "exponential", "How mu is applied.", "exponential", "linear"),
        SchedulerOptions.Real("mu", null, "The shift for the image size; needed with use_dynamic_shifting.") with { IsConfigurable = false },
        SchedulerOptions.Toggle("invert_sigmas", false, "Run from the image to noise."),
        SchedulerOptions.Real("shift_terminal", null, "Stretch the noise levels so that the last one has this value.", minimum: 0, maximum: 1),
        .. SchedulerOptions.SigmaSchedules,
        SchedulerOptions.Toggle("stochastic_sampling", false, "Add fresh noise to the predicted image at each step."),
    ];

    /// <inheritdoc/>
    public override float InitNoiseSigma => 1;

    /// <inheritdoc/>
    public override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) =>
        VectorMath.Combine(noised, original, 1.0 - Sigmas[call], noise, Sigmas[call]);

    /// <inheritdoc/>
    public override CallLevel LevelAt(int call) => CallLevel.Mixed(PredictionType.Flow, 1.0 - Sigmas[call], Sigmas[call]);

    /// <inheritdoc/>
    /// <remarks>The factor of the noise, 1 at pure noise.</remarks>
    public override double SigmaAt(int call) => Sigmas[call];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double sigma = Sigmas[call];
        double next = Sigmas[call + 1];
        if (_isStochastic)
        {
            VectorMath.Combine(sample, 1 - next, modelOutput, -(1 - next) * sigma);
            VectorMath.Add(sample, Draw(noise, 0, sigma, next), next);
        }
        else
        {
            VectorMath.Add(sample, modelOutput, next - sigma);
        }
    }

    private static float[] Levels(SchedulerSettings settings, int steps)
    {
        int trained = settings.Integer("num_train_timesteps");
        if (steps > trained)
            throw new InvalidSettingException("Steps", $"{steps} steps are more than the {trained} timesteps that the model was trained with. Give at most {trained}.");

        double shift = settings.Number("shift");
        bool dynamic = settings.Flag("use_dynamic_shifting");
        double least = 1.0 / trained;

        // diffusers shifts the range of the training's noise levels, and then each noise level of the run again.
        double[] sigmas = TimestepSpacing.Linspace(1, dynamic ? least : Shift(least), steps);
        sigmas = Array.ConvertAll(sigmas, dynamic ? DynamicShift(settings) : Shift);
        if (settings.OptionalNumber("shift_terminal") is double terminal and > 0)
        {
            double stretch = (1 - sigmas[^1]) / (1 - terminal);
            sigmas = Array.ConvertAll(sigmas, sigma => 1 - ((1 - sigma) / stretch));
        }

        if (SigmaSchedule.Rule(settings) is { } rule)
            sigmas = rule(sigmas[0], sigmas[^1], steps);

        return settings.Flag("invert_sigmas")
            ? [.. sigmas.Select(sigma => 1 - (float)sigma), 1]
            : [.. ToSingle(sigmas), 0];

        double Shift(double sigma) => shift * sigma / (1 + ((shift - 1) * sigma));
    }

    private static Converter<double, double> DynamicShift(SchedulerSettings settings)
    {
        if (settings.OptionalNumber("mu") is not double mu)
            throw new InvalidSettingException("mu", "The model shifts its noise levels by the image size (use_dynamic_shifting). Give the option mu.");

        double factor = settings.Word("time_shift_type") == "exponential" ? Math.Exp(mu) : mu;
        return sigma => factor / (factor + (1 / sigma) - 1);
    }
}
