namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The options of k-diffusion's samplers, under their names in k-diffusion and A1111. Those that describe the model come from
/// its configuration; the others are set by the caller only.
/// </summary>
internal static class SamplerOptions
{
    public const string Schedule = "schedule";
    public const string SigmaMin = "sigma_min";
    public const string SigmaMax = "sigma_max";
    public const string Rho = "rho";
    public const string BetaAlpha = "beta_dist_alpha";
    public const string BetaBeta = "beta_dist_beta";
    public const string DiscardNextToLast = "discard_next_to_last_sigma";
    public const string SgmNoiseMultiplier = "sgm_noise_multiplier";
    public const string Eta = "eta";
    public const string NoiseScale = "s_noise";
    public const string Churn = "s_churn";
    public const string ChurnFrom = "s_tmin";
    public const string ChurnTo = "s_tmax";
    public const string MiddlePlace = "r";
    public const string Order = "order";
    public const string SolverType = "solver_type";
    public const string Midpoint = "midpoint";
    public const string Heun = "heun";

    /// <summary>The options that every sampler has.</summary>
    /// <param name="schedule">The schedule that A1111 chooses for the sampler.</param>
    /// <param name="discards">Whether A1111 drops the last noise level but one.</param>
    public static IEnumerable<SchedulerOption> Common(string schedule, bool discards = false) =>
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Velocity),
        SchedulerOptions.ZeroTerminalSnr,
        OfRun(SchedulerOptions.Choice(Schedule, schedule, "How the noise levels of the run are chosen; A1111's schedule type.", [.. NoiseLevels.Names])),
        OfRun(SchedulerOptions.Real(SigmaMin, null, "The least noise level of schedules that take one; the model's own if not given.", minimum: 0)),
        OfRun(SchedulerOptions.Real(SigmaMax, null, "The greatest noise level of schedules that take one; the model's own if not given.", minimum: 0)),
        OfRun(SchedulerOptions.Real(Rho, null, "The exponent of the karras (7 if not given) and polyexponential (1) schedules.", minimum: 0.01)),
        OfRun(SchedulerOptions.Real(BetaAlpha, 0.6, "The first shape of the beta schedule's distribution.", minimum: 0.01)),
        OfRun(SchedulerOptions.Real(BetaBeta, 0.6, "The second shape of the beta schedule's distribution.", minimum: 0.01)),
        OfRun(SchedulerOptions.Toggle(DiscardNextToLast, discards, "Take one noise level more and leave out the last but one.")),
        OfRun(SchedulerOptions.Toggle(SgmNoiseMultiplier, false, "Start as the models' training did: noise of sigma, and the variance of an image besides.")),
    ];

    /// <summary>The options for ancestral and stochastic sampling.</summary>
    public static IEnumerable<SchedulerOption> Stochastic { get; } =
    [
        SchedulerOptions.Eta(1, "How much fresh noise each step adds: 0 for none, 1 for all that the noise levels allow."),
        OfRun(SchedulerOptions.Real(NoiseScale, 1, "The factor by which the fresh noise is multiplied.", minimum: 0)),
    ];

    /// <summary>The options for noise that is added back before each step.</summary>
    public static IEnumerable<SchedulerOption> Churned { get; } =
    [
        OfRun(SchedulerOptions.Real(Churn, 0, "How much noise is added back, over the steps of the whole run; 0 for none.", minimum: 0)),
        OfRun(SchedulerOptions.Real(ChurnFrom, 0, "The lowest noise level at which noise is added back.", minimum: 0)),
        OfRun(SchedulerOptions.Real(ChurnTo, double.PositiveInfinity, "The highest noise level at which noise is added back.", minimum: 0)),
        OfRun(SchedulerOptions.Real(NoiseScale, 1, "The factor by which the noise that is added back is multiplied.", minimum: 0)),
    ];

    /// <summary>An option for a single run, which models' configurations do not set.</summary>
    public static SchedulerOption OfRun(SchedulerOption option) => option with { IsConfigurable = false };
}
