using static StableDiffusion.Sampling.SchedulerOptionKind;

namespace StableDiffusion.Sampling;

/// <summary>
/// The options that several schedulers have, under diffusers' names. Defaults that differ from class to class are arguments.
/// The default betas are those of Stable Diffusion for every class, not diffusers' own, which fit none of its models.
/// </summary>
internal static class SchedulerOptions
{
    public const string Linspace = "linspace";
    public const string Leading = "leading";
    public const string Trailing = "trailing";

    /// <summary>The noise schedule that the model was trained with.</summary>
    public static IEnumerable<SchedulerOption> Betas { get; } =
    [
        Count("num_train_timesteps", 1000, "The number of timesteps that the model was trained with.", minimum: 1, maximum: 100_000),
        Real("beta_start", 0.00085, "The first beta of the training's noise schedule.", minimum: 0, maximum: 1),
        Real("beta_end", 0.012, "The last beta of the training's noise schedule.", minimum: 0, maximum: 1),
        Choice("beta_schedule", "scaled_linear", "How the betas run from the first to the last.", "linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp"),
        List("trained_betas", "The betas themselves, in place of the three options above.") with { Minimum = 0, Maximum = 1 },
    ];

    /// <summary>Dynamic thresholding of the predicted image.</summary>
    public static IEnumerable<SchedulerOption> Thresholding { get; } =
    [
        Toggle("thresholding", false, "Scale the predicted image so that most of it is within -1 to 1; not meant for latents."),
        Real("dynamic_thresholding_ratio", 0.995, "The part of the predicted image that must be within the threshold.", minimum: 0, maximum: 1),
        Real("sample_max_value", 1, "The largest threshold.", minimum: 0),
    ];

    /// <summary>The noise levels to use in place of the model's own; one rule at a time.</summary>
    public static IEnumerable<SchedulerOption> SigmaSchedules { get; } =
    [
        Toggle("use_karras_sigmas", false, "Space the noise levels as Karras et al. (arXiv:2206.00364) do."),
        Toggle("use_exponential_sigmas", false, "Space the noise levels evenly in their logarithm."),
        Toggle("use_beta_sigmas", false, "Space the noise levels by a beta distribution (arXiv:2407.12173)."),
    ];

    /// <summary>The options for models trained by flow matching, used with a solver of the variance-preserving form.</summary>
    public static IEnumerable<SchedulerOption> FlowSigmas { get; } =
    [
        Toggle("use_flow_sigmas", false, "Use the noise levels of flow matching."),
        Real("flow_shift", 1, "How far the noise levels of flow matching are shifted towards noise.", minimum: 0),
    ];

    public static SchedulerOption ZeroTerminalSnr { get; } =
        Toggle("rescale_betas_zero_snr", false, "Rescale the betas so that the last timestep is pure noise (arXiv:2305.08891); for v-prediction.");

    public static SchedulerOption SetAlphaToOne(bool value) =>
        Toggle("set_alpha_to_one", value, "End the last step at no noise, rather than at the noise of timestep 0.");

    public static SchedulerOption StepsOffset { get; } =
        Count("steps_offset", 0, "What leading spacing adds to each timestep; Stable Diffusion needs 1.", minimum: 0, maximum: 1000);

    public static SchedulerOption CustomTimesteps { get; } =
        List("timesteps", "The timesteps of the run, from noisy to clean, as many as steps.") with { Minimum = 0, IsConfigurable = false };

    public static SchedulerOption FinalSigmas { get; } =
        Choice("final_sigmas_type", "zero", "Where the run ends: at no noise, or at the lowest noise level of the training.", "zero", "sigma_min");

    public static SchedulerOption LambdaMinClipped { get; } =
        Real("lambda_min_clipped", double.NegativeInfinity, "Leave out timesteps whose logarithm of signal to noise is below this; for cosine schedules.");

    public static SchedulerOption LowerOrderFinal(bool value) =>
        Toggle("lower_order_final", value, "Use lower orders for the last steps; steadier with few steps.");

    public static SchedulerOption SolverOrder(int value) =>
        Count("solver_order", value, "The order of the solver; 2 suits guided sampling, 3 unguided.", minimum: 1, maximum: 3);

    public static SchedulerOption Eta(double value, string description) =>
        Real("eta", value, description, minimum: 0, maximum: 1) with { IsConfigurable = false };

    public static SchedulerOption Spacing(string value) =>
        Choice("timestep_spacing", value, "How the timesteps of the run are chosen (arXiv:2305.08891, table 2).", Linspace, Leading, Trailing);

    public static SchedulerOption Prediction(params PredictionType[] allowed) => Choice(
        PredictionTypes.OptionName,
        PredictionTypes.NameOf(PredictionType.Epsilon),
        "What the model predicts: the noise, the clean image, or the velocity between them.",
        [.. allowed.Select(PredictionTypes.NameOf)]);

    public static IEnumerable<SchedulerOption> ClipSample(bool value) =>
    [
        Toggle("clip_sample", value, "Clip the predicted image; not meant for latents."),
        Real("clip_sample_range", 1, "Where the predicted image is clipped.", minimum: 0),
    ];

    public static SchedulerOption Toggle(string name, bool value, string description) => new()
    {
        Name = name,
        Kind = SchedulerOptionKind.Boolean,
        Default = value,
        AllowedValues = ["true", "false"],
        Description = description,
    };

    public static SchedulerOption Count(string name, int value, string description, int minimum, int maximum) => new()
    {
        Name = name,
        Kind = Integer,
        Default = value,
        Minimum = minimum,
        Maximum = maximum,
        Description = description,
    };

    public static SchedulerOption Real(
        string name,
        double? value,
        string description,
        double minimum = double.NegativeInfinity,
        double maximum = double.PositiveInfinity) => new()
        {
            Name = name,
            Kind = Number,
            Default = value,
            Minimum = minimum,
            Maximum = maximum,
            Description = description,
        };

    public static SchedulerOption Choice(string name, string value, string description, params ReadOnlySpan<string> allowed) => new()
    {
        Name = name,
        Kind = SchedulerOptionKind.Choice,
        Default = value,
        AllowedValues = allowed.ToArray(),
        Description = description,
    };

    public static SchedulerOption List(string name, string description) => new()
    {
        Name = name,
        Kind = NumberList,
        Description = description,
    };
}
