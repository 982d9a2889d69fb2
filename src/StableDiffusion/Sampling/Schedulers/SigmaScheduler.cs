namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A scheduler of the variance-exploding form: the sample is the clean sample plus sigma times the noise, and is scaled to unit
/// variance for the model, as in Karras et al., arXiv:2206.00364, and k-diffusion.
/// </summary>
internal abstract class SigmaScheduler : TableScheduler
{
    private readonly float _initNoiseSigma;

    /// <summary>Initializes the scheduler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="timesteps">The timestep of each call.</param>
    /// <param name="sigmas">The noise levels as diffusers lists them: at each call, and at the end of the run.</param>
    /// <param name="historyDepth">The number of earlier outputs that the algorithm uses.</param>
    /// <param name="scratchCount">The number of scratch buffers that it needs.</param>
    protected SigmaScheduler(SchedulerSettings settings, int steps, float[] timesteps, float[] sigmas, int historyDepth = 0, int scratchCount = 0)
        : base(steps, timesteps, sigmas, historyDepth, scratchCount)
    {
        PredictionType = settings.PredictionType;
        float max = TensorPrimitives.Max(sigmas);
        _initNoiseSigma = settings.Word("timestep_spacing") == SchedulerOptions.Leading ? MathF.Sqrt((max * max) + 1) : max;
    }

    /// <inheritdoc/>
    public sealed override float InitNoiseSigma => _initNoiseSigma;

    protected PredictionType PredictionType { get; }

    /// <inheritdoc/>
    public sealed override void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled)
    {
        float sigma = SampleSigma(call);
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), scaled);
    }

    /// <inheritdoc/>
    public sealed override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) =>
        VectorMath.Combine(noised, original, 1, noise, SampleSigma(call));

    /// <inheritdoc/>
    public sealed override CallLevel LevelAt(int call) => CallLevel.Exploding(PredictionType, SampleSigma(call));

    /// <summary>The noise level of the sample at a call.</summary>
    protected virtual float SampleSigma(int call) => Sigmas[call];

    /// <summary>The weights for the derivative of the sample with respect to the noise level.</summary>
    /// <param name="sigma">The noise level of the sample.</param>
    protected PredictionWeights Derivative(double sigma)
    {
        PredictionWeights denoised = Prediction.Denoised(PredictionType, sigma);
        return new PredictionWeights((1 - denoised.Sample) / sigma, -denoised.Output / sigma);
    }

    /// <summary>The timesteps and noise levels of the steps, without the final noise level.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="noise">The noise schedule that the model was trained with.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="wholeKarras">Whether the timesteps of Karras's noise levels are rounded to integers.</param>
    protected static (double[] Timesteps, double[] Sigmas) Levels(SchedulerSettings settings, NoiseSchedule noise, int steps, bool wholeKarras = false)
    {
        Func<double, double, int, double[]>? rule = SigmaSchedule.Rule(settings);
        double[] timesteps = settings.Numbers("timesteps") is double[] custom
            ? Custom(custom, rule, steps, noise.Length)
            : TimestepSpacing.Choose(settings.Word("timestep_spacing"), steps, noise.Length, settings.Integer("steps_offset"), whole: false);

        // NumPy stores them in float32, and interpolates there.
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
