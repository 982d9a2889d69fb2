namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A scheduler with integer timesteps that uses the cumulative alphas. The sample has unit variance at every call, and is the
/// model's input without scaling.
/// </summary>
internal abstract class AlphaScheduler : TableScheduler
{
    private readonly double _finalAlpha;

    /// <summary>Initializes the scheduler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="timesteps">The timestep of each call.</param>
    /// <param name="historyDepth">The number of earlier outputs that the algorithm uses.</param>
    /// <param name="scratchCount">The number of scratch buffers that it needs.</param>
    protected AlphaScheduler(SchedulerSettings settings, int steps, double[] timesteps, int historyDepth = 0, int scratchCount = 0)
        : base(steps, ToSingle(timesteps), [], historyDepth, scratchCount)
    {
        Noise = NoiseSchedule.Create(settings);
        PredictionType = settings.PredictionType;
        _finalAlpha = settings.Optional("set_alpha_to_one") is false ? Noise.AlphaCumprod(0) : 1;
        if (PredictionType == PredictionType.Epsilon && Alpha(Timestep(0)) == 0)
            throw new InvalidSettingException("prediction_type", "The run starts at pure noise (rescale_betas_zero_snr), from which a model that predicts noise learns nothing. Give prediction_type v_prediction, or leave the betas as they are.");
    }

    /// <inheritdoc/>
    public override float InitNoiseSigma => 1;

    /// <summary>The noise schedule that the model was trained with.</summary>
    protected NoiseSchedule Noise { get; }

    protected PredictionType PredictionType { get; }

    /// <inheritdoc/>
    public override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised)
    {
        double alpha = Alpha(Timestep(call));
        VectorMath.Combine(noised, original, Math.Sqrt(alpha), noise, Math.Sqrt(1 - alpha));
    }

    /// <inheritdoc/>
    public sealed override CallLevel LevelAt(int call)
    {
        double alpha = Alpha(Timestep(call));
        return CallLevel.Mixed(PredictionType, Math.Sqrt(alpha), Math.Sqrt(1 - alpha)) with { Sigma = Sigma(alpha) };
    }

    /// <inheritdoc/>
    public override double FinalSigma => Sigma(_finalAlpha);

    protected int Timestep(int call) => (int)Timesteps[call];

    /// <summary>The cumulative alpha at a timestep, or at the end of the run for a timestep below 0.</summary>
    protected double Alpha(int timestep) => timestep < 0 ? _finalAlpha : Noise.AlphaCumprod(timestep);

    /// <summary>The noise level (sigma) for a cumulative alpha.</summary>
    protected static double Sigma(double alpha) => Math.Sqrt((1 - alpha) / alpha);
}
