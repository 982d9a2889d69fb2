using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// A sampler of Crowson's k-diffusion as A1111 1.10.1 runs it. The sample is the clean sample plus sigma times the noise
/// (Karras et al., arXiv:2206.00364), the initial sample is the first noise level times the noise, and the model is called at
/// fractional timesteps, interpolated by the logarithm of the noise level.
/// </summary>
internal abstract class Sampler : TableScheduler
{
    /// <summary>A1111's upper bound on the strength, so that rounding alone never makes it run all steps on a given image.</summary>
    internal const double HighestStrength = 0.999;

    private readonly int _steps;
    private readonly float[] _callSigmas;
    private readonly PredictionType _predictionType;
    private readonly float _initNoiseSigma;

    /// <summary>Initializes the sampler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The requested number of steps.</param>
    /// <param name="second">The noise level of a step's second call; see <see cref="CallTables.Create"/>.</param>
    /// <param name="historyDepth">The number of earlier outputs that the algorithm uses.</param>
    /// <param name="scratchCount">The number of scratch buffers that it needs.</param>
    protected Sampler(SchedulerSettings settings, int steps, Func<float, float, float>? second = null, int historyDepth = 0, int scratchCount = 0)
        : this(settings, steps, CallTables.Create(settings, steps, second), second is null ? 1 : 2, historyDepth, scratchCount)
    {
    }

    private Sampler(SchedulerSettings settings, int steps, CallTables tables, int order, int historyDepth, int scratchCount)
        : base(tables.Sigmas.Length - 1, tables.Timesteps, tables.Sigmas, historyDepth, scratchCount)
    {
        Order = order;
        _steps = steps;
        _callSigmas = tables.CallSigmas;
        _predictionType = settings.PredictionType;
        float first = tables.Sigmas[0];
        _initNoiseSigma = settings.Flag(SamplerOptions.SgmNoiseMultiplier) ? MathF.Sqrt(1 + (first * first)) : first;
    }

    /// <inheritdoc/>
    public sealed override int Order { get; }

    /// <inheritdoc/>
    public sealed override float InitNoiseSigma => _initNoiseSigma;

    /// <summary>The noise level of the sample at each call.</summary>
    internal IReadOnlyList<float> CallSigmas => _callSigmas;

    /// <summary>Whether the noise is that of one Brownian path over the noise levels, rather than drawn separately for each step.</summary>
    protected virtual bool FollowsPath => false;

    /// <inheritdoc/>
    public sealed override StrengthRule OwnRule => StrengthRule.A1111;

    /// <summary>
    /// The call at which image-to-image starts, as A1111 counts it: <c>floor(steps * strength)</c> steps plus one are run, but not
    /// more than there are.
    /// </summary>
    /// <inheritdoc/>
    public sealed override int FirstCall(double strength)
    {
        base.FirstCall(strength);
        return (_steps - 1 - (int)(Math.Min(strength, HighestStrength) * _steps)) * Order;
    }

    /// <inheritdoc/>
    public sealed override INoiseSource CreateNoise(long seed, INoiseSource continuing)
    {
        if (!FollowsPath)
            return continuing;

        float least = Sigmas.Where(static sigma => sigma > 0).Min();
        return new BrownianTreeNoise(seed, least, Sigmas.Max(), continuing is PhiloxRandom);
    }

    /// <inheritdoc/>
    public sealed override void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled)
    {
        float sigma = _callSigmas[call];
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), scaled);
    }

    /// <inheritdoc/>
    public sealed override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised)
    {
        // Before a run, the noise that its first step adds back is not included yet.
        float sigma = CallsMade == 0 ? Sigmas[call / Order] : _callSigmas[call];
        VectorMath.Combine(noised, original, 1, noise, sigma);
    }

    /// <inheritdoc/>
    public sealed override CallLevel LevelAt(int call) => CallLevel.Exploding(_predictionType, _callSigmas[call]);

    /// <summary>Computes the clean sample from the model's output.</summary>
    protected void Denoise(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> denoised)
    {
        PredictionWeights weights = Prediction.Denoised(_predictionType, _callSigmas[call]);
        VectorMath.Combine(denoised, sample, weights.Sample, modelOutput, weights.Output);
    }

    /// <summary>Computes the derivative of the sample with respect to the noise level.</summary>
    protected void Derive(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> derivative)
    {
        PredictionWeights weights = Derivative(call);
        VectorMath.Combine(derivative, sample, weights.Sample, modelOutput, weights.Output);
    }

    /// <summary>Moves the sample along its derivative.</summary>
    /// <param name="modelOutput">The model's output.</param>
    /// <param name="call">The call.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="change">The change of the noise level.</param>
    protected void Move(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, double change)
    {
        PredictionWeights weights = Derivative(call);
        VectorMath.Combine(sample, 1 + (change * weights.Sample), modelOutput, change * weights.Output);
    }

    /// <summary>Whether a call is the second one of its step.</summary>
    protected bool IsSecond(int call) => call % Order == 1;

    private PredictionWeights Derivative(int call)
    {
        double sigma = _callSigmas[call];
        PredictionWeights denoised = Prediction.Denoised(_predictionType, sigma);
        return new PredictionWeights((1 - denoised.Sample) / sigma, -denoised.Output / sigma);
    }
}
