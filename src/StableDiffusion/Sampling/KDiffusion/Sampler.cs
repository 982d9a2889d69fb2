using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// A sampler of Crowson's k-diffusion as A1111 1.10.1 runs it: the sample is the picture plus sigma times the noise
/// (Karras et al., arXiv:2206.00364), starts as the first noise level times the noise, and the model is called at
/// timesteps between whole ones, by the logarithm of the noise level.
/// </summary>
internal abstract class Sampler : TableScheduler
{
    /// <summary>A1111 never runs the whole of a run on a given picture by rounding alone.</summary>
    private const double HighestStrength = 0.999;

    private readonly int _steps;
    private readonly float[] _callSigmas;
    private readonly string _predictionType;
    private readonly float _initNoiseSigma;

    /// <summary>Makes the sampler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">How many steps the run is asked to have.</param>
    /// <param name="second">The noise level of a step's second call; see <see cref="CallTables.Create"/>.</param>
    /// <param name="historyDepth">How many spans of past calls the algorithm looks back at.</param>
    /// <param name="scratchCount">How many further spans it works with.</param>
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
        _predictionType = settings.Word("prediction_type");
        float first = tables.Sigmas[0];
        _initNoiseSigma = settings.Flag(SamplerOptions.SgmNoiseMultiplier) ? MathF.Sqrt(1 + (first * first)) : first;
    }

    /// <inheritdoc/>
    public sealed override int Order { get; }

    /// <inheritdoc/>
    public sealed override float InitNoiseSigma => _initNoiseSigma;

    /// <summary>The noise level of the sample at each call.</summary>
    internal IReadOnlyList<float> CallSigmas => _callSigmas;

    /// <summary>Whether the noise is that of one path over the noise levels, rather than drawn anew at each step.</summary>
    protected virtual bool FollowsPath => false;

    /// <summary>
    /// The call at which image-to-image starts, as A1111 counts it: <c>floor(steps * strength)</c> steps and one more are
    /// run, but never more than there are.
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
        // Before a run, the noise that its first step puts back is still to come.
        float sigma = CallsMade == 0 ? Sigmas[call / Order] : _callSigmas[call];
        VectorMath.Combine(noised, original, 1, noise, sigma);
    }

    /// <summary>Computes the picture that the model's output means.</summary>
    protected void Denoise(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> denoised)
    {
        PredictionWeights weights = Prediction.Denoised(_predictionType, _callSigmas[call]);
        VectorMath.Combine(denoised, sample, weights.Sample, modelOutput, weights.Output);
    }

    /// <summary>Computes the derivative of the sample by the noise level.</summary>
    protected void Derive(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> derivative)
    {
        PredictionWeights weights = Derivative(call);
        VectorMath.Combine(derivative, sample, weights.Sample, modelOutput, weights.Output);
    }

    /// <summary>Moves the sample along its derivative.</summary>
    /// <param name="modelOutput">The model's output.</param>
    /// <param name="call">The call.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="change">By how much the noise level changes.</param>
    protected void Move(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, double change)
    {
        PredictionWeights weights = Derivative(call);
        VectorMath.Combine(sample, 1 + (change * weights.Sample), modelOutput, change * weights.Output);
    }

    /// <summary>Whether a call is its step's second.</summary>
    protected bool IsSecond(int call) => call % Order == 1;

    private PredictionWeights Derivative(int call)
    {
        double sigma = _callSigmas[call];
        PredictionWeights denoised = Prediction.Denoised(_predictionType, sigma);
        return new PredictionWeights((1 - denoised.Sample) / sigma, -denoised.Output / sigma);
    }
}
