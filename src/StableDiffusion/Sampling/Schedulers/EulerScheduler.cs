using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Euler's method with optional churn: algorithm 2 without its correction, of Karras, Aittala, Aila and Laine,
/// "Elucidating the Design Space of Diffusion-Based Generative Models", arXiv:2206.00364. Follows diffusers'
/// <c>EulerDiscreteScheduler</c>.
/// </summary>
internal sealed class EulerScheduler : SigmaScheduler
{
    private static readonly double s_maxGamma = Math.Sqrt(2) - 1;

    private readonly double _churn;
    private readonly double _churnFrom;
    private readonly double _churnTo;
    private readonly double _churnNoise;

    public EulerScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Tables(settings, steps))
    {
    }

    private EulerScheduler(SchedulerSettings settings, int steps, (float[] Timesteps, float[] Sigmas) tables)
        : base(settings, steps, tables.Timesteps, tables.Sigmas, scratchCount: 1)
    {
        _churn = settings.Number("s_churn");
        _churnFrom = settings.Number("s_tmin");
        _churnTo = settings.Number("s_tmax");
        _churnNoise = settings.Number("s_noise");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        SchedulerOptions.Choice("interpolation_type", "linear", "How the noise levels between the training's timesteps are found.", "linear", "log_linear"),
        .. SchedulerOptions.SigmaSchedules,
        SchedulerOptions.Real("sigma_min", null, "The least noise level of those rules; the model's own if not given.", minimum: 0),
        SchedulerOptions.Real("sigma_max", null, "The greatest noise level of those rules; the model's own if not given.", minimum: 0),
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.Choice("timestep_type", "discrete", "Whether the model takes timesteps or a quarter of the noise level's logarithm.", "discrete", "continuous"),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.ZeroTerminalSnr,
        SchedulerOptions.FinalSigmas,
        SchedulerOptions.CustomTimesteps,
        SchedulerOptions.List("sigmas", "The noise levels of the run, from noisy to clean, one more than steps.") with { Minimum = 0, IsConfigurable = false },
        SchedulerOptions.Real("s_churn", 0, "How much noise is put back at each step; 0 for none.", minimum: 0) with { IsConfigurable = false },
        SchedulerOptions.Real("s_tmin", 0, "The least noise level at which noise is put back.", minimum: 0) with { IsConfigurable = false },
        SchedulerOptions.Real("s_tmax", double.PositiveInfinity, "The greatest noise level at which noise is put back.", minimum: 0) with { IsConfigurable = false },
        SchedulerOptions.Real("s_noise", 1, "What the noise that is put back is multiplied by.", minimum: 0) with { IsConfigurable = false },
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        float sigma = Sigmas[call];
        float next = Sigmas[call + 1];
        double gamma = sigma >= _churnFrom && sigma <= _churnTo ? Math.Min(_churn / (Sigmas.Count - 1), s_maxGamma) : 0;
        double raised = sigma * (gamma + 1);
        if (gamma > 0)
            VectorMath.Add(sample, Draw(noise, 0, raised, next), _churnNoise * Math.Sqrt((raised * raised) - ((double)sigma * sigma)));

        // Of the raised level, only predicted noise knows; a velocity is read at the level that the model saw.
        PredictionWeights denoised = Prediction.Denoised(PredictionType, PredictionType == PredictionType.Epsilon ? raised : sigma);
        double ratio = (next - raised) / raised;
        VectorMath.Combine(sample, 1 + ratio - (ratio * denoised.Sample), modelOutput, -ratio * denoised.Output);
    }

    private static (float[] Timesteps, float[] Sigmas) Tables(SchedulerSettings settings, int steps)
    {
        NoiseSchedule noise = NoiseSchedule.Create(settings, finiteTerminal: true);
        (double[] timesteps, double[] sigmas) = settings.Numbers("sigmas") is double[] custom
            ? Custom(settings, noise, custom, steps)
            : Spaced(settings, noise, steps);

        float[] levels = ToSingle(sigmas);
        bool continuous = settings.Word("timestep_type") == "continuous" && settings.PredictionType == PredictionType.Velocity;
        return continuous
            ? (Array.ConvertAll(levels[..steps], static level => 0.25f * MathF.Log(level)), levels)
            : (ToSingle(timesteps), levels);
    }

    private static (double[] Timesteps, double[] Sigmas) Spaced(SchedulerSettings settings, NoiseSchedule noise, int steps)
    {
        (double[] timesteps, double[] sigmas) = Levels(settings, noise, steps);
        if (settings.Word("interpolation_type") == "log_linear" && SigmaSchedule.Rule(settings) is null)
        {
            // One level more than timesteps, as diffusers has it: the run ends at the training's least noise.
            sigmas = Array.ConvertAll(NoiseSchedule.Linspace(noise.LogSigmaMax, noise.LogSigmaMin, steps + 1), static level => (double)MathF.Exp(level));
        }

        return (timesteps, [.. sigmas, settings.Word("final_sigmas_type") == "zero" ? 0 : noise.SigmaMin]);
    }

    private static (double[] Timesteps, double[] Sigmas) Custom(SchedulerSettings settings, NoiseSchedule noise, double[] sigmas, int steps)
    {
        if (settings.Numbers("timesteps") is not null)
            throw new InvalidSettingException("sigmas", "The options sigmas and timesteps exclude each other. Give one of them.");

        if (sigmas.Length != steps + 1)
            throw new InvalidSettingException("sigmas", $"The option sigmas has {sigmas.Length} values for {steps} steps. Give one more than steps; the last is the noise level at the end of the run, usually 0.");

        for (int i = 0; i < steps; i++)
        {
            if (sigmas[i] <= sigmas[i + 1])
                throw new InvalidSettingException("sigmas", $"The option sigmas does not decrease at position {i + 2}. Give decreasing values.");
        }

        return (Array.ConvertAll(sigmas[..^1], sigma => (double)noise.TimestepAt((float)sigma)), sigmas);
    }
}
