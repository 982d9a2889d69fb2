namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A scheduler of the variance-exploding kind: the sample is the picture plus sigma times the noise, and the model
/// takes it scaled to unit variance. The form is that of Karras et al., arXiv:2206.00364, and of k-diffusion.
/// </summary>
internal abstract class SigmaScheduler : TableScheduler
{
    private readonly float _initNoiseSigma;

    /// <summary>Makes the scheduler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">How many steps the run has.</param>
    /// <param name="timesteps">The timestep of each call.</param>
    /// <param name="sigmas">The noise levels as diffusers lists them: at each call, and where the run ends.</param>
    /// <param name="historyDepth">How many spans of past calls the algorithm looks back at.</param>
    /// <param name="scratchCount">How many further spans it works with.</param>
    protected SigmaScheduler(SchedulerSettings settings, int steps, float[] timesteps, float[] sigmas, int historyDepth = 0, int scratchCount = 0)
        : base(steps, timesteps, sigmas, historyDepth, scratchCount)
    {
        PredictionType = settings.Word("prediction_type");
        float max = TensorPrimitives.Max(sigmas);
        _initNoiseSigma = settings.Word("timestep_spacing") == SchedulerOptions.Leading ? MathF.Sqrt((max * max) + 1) : max;
    }

    /// <inheritdoc/>
    public sealed override float InitNoiseSigma => _initNoiseSigma;

    /// <summary>What the model predicts.</summary>
    protected string PredictionType { get; }

    /// <inheritdoc/>
    public sealed override void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled)
    {
        float sigma = SampleSigma(call);
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), scaled);
    }

    /// <inheritdoc/>
    public sealed override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) =>
        VectorMath.Combine(noised, original, 1, noise, SampleSigma(call));

    /// <summary>The noise level of the sample at a call.</summary>
    protected virtual float SampleSigma(int call) => Sigmas[call];

    /// <summary>How the derivative of the sample by the noise level follows from sample and model output.</summary>
    /// <param name="sigma">The noise level of the sample.</param>
    protected PredictionWeights Derivative(double sigma)
    {
        PredictionWeights denoised = Prediction.Denoised(PredictionType, sigma);
        return new PredictionWeights((1 - denoised.Sample) / sigma, -denoised.Output / sigma);
    }

    /// <summary>The timesteps and noise levels of the steps, without the level at which the run ends.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="noise">The noise that the model was trained with.</param>
    /// <param name="steps">How many steps.</param>
    /// <param name="wholeKarras">Whether the timesteps of Karras's levels are rounded to whole numbers.</param>
    protected static (double[] Timesteps, double[] Sigmas) Levels(SchedulerSettings settings, NoiseSchedule noise, int steps, bool wholeKarras = false)
    {
        Func<double, double, int, double[]>? rule = SigmaSchedule.Rule(settings);
        double[] timesteps = settings.Numbers("timesteps") is double[] custom
            ? Custom(custom, rule, steps, noise.Length)
            : TimestepSpacing.Choose(settings.Word("timestep_spacing"), steps, noise.Length, settings.Integer("steps_offset"), whole: false);

        // numpy holds them in float32, and interpolates there.
        double[] sigmas = Array.ConvertAll(timesteps, timestep => noise.SigmaAt((float)timestep));
        if (rule is null)
            return (timesteps, sigmas);

        bool wholeRange = settings.Optional("interpolation_type") is "log_linear";
        sigmas = rule(
            settings.OptionalNumber("sigma_max") ?? (wholeRange ? noise.SigmaMax : sigmas[0]),
            settings.OptionalNumber("sigma_min") ?? (wholeRange ? noise.SigmaMin : sigmas[^1]),
            steps);
        timesteps = Array.ConvertAll(sigmas, noise.TimestepAt);
        if (wholeKarras && settings.Flag("use_karras_sigmas"))
            timesteps = Array.ConvertAll(timesteps, Math.Round);
        return (timesteps, sigmas);
    }

    private static double[] Custom(double[] timesteps, Func<double, double, int, double[]>? rule, int steps, int trained) => rule is null
        ? TimestepSpacing.Custom(timesteps, steps, trained)
        : throw new InvalidSettingException("timesteps", "The option timesteps and a rule for the noise levels (use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas) exclude each other. Give one of them.");
}
