namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A solver of the diffusion equation in the half-logarithm of signal to noise (lambda), after Lu et al., "DPM-Solver",
/// arXiv:2206.00927. The sample has unit variance: alpha times the clean sample plus sigma times the noise.
/// </summary>
internal abstract class SolverScheduler : TableScheduler
{
    private readonly double[] _alphas;
    private readonly double[] _sigmas;
    private readonly double[] _lambdas;
    private readonly PredictionType _predictionType;
    private readonly DynamicThresholding _thresholding;
    private readonly int _thresholdingScratch;

    /// <summary>Initializes the solver.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="tables">The timesteps and noise levels of the run.</param>
    /// <param name="historyDepth">The number of earlier outputs that the algorithm uses.</param>
    /// <param name="scratchCount">The number of scratch buffers that it needs.</param>
    protected SolverScheduler(SchedulerSettings settings, SolverTables tables, int historyDepth, int scratchCount)
        : base(tables.Timesteps.Length, tables.Timesteps, tables.Sigmas, historyDepth, scratchCount + 1)
    {
        _predictionType = settings.PredictionType;
        _thresholding = new DynamicThresholding(settings);
        _thresholdingScratch = scratchCount;

        bool flow = settings.Optional("use_flow_sigmas") is true;
        _alphas = Array.ConvertAll(tables.Sigmas, sigma => flow ? 1.0 - sigma : 1 / Math.Sqrt(((double)sigma * sigma) + 1));
        _sigmas = new double[_alphas.Length];
        _lambdas = new double[_alphas.Length];
        for (int i = 0; i < _alphas.Length; i++)
        {
            _sigmas[i] = flow ? tables.Sigmas[i] : tables.Sigmas[i] * _alphas[i];
            _lambdas[i] = Math.Log(_alphas[i]) - Math.Log(_sigmas[i]);
        }
    }

    /// <inheritdoc/>
    public sealed override float InitNoiseSigma => 1;

    /// <inheritdoc/>
    public override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) =>
        VectorMath.Combine(noised, original, _alphas[call], noise, _sigmas[call]);

    /// <inheritdoc/>
    public sealed override CallLevel LevelAt(int call) => CallLevel.Mixed(_predictionType, Alpha(call), Sigma(call));

    /// <inheritdoc/>
    /// <remarks>With use_flow_sigmas the factor of the noise, 1 at pure noise.</remarks>
    public sealed override double SigmaAt(int call) => Sigmas[call];

    /// <summary>Alpha, the factor of the clean sample, at a call or, for the index after the last call, at the end of the run.</summary>
    protected double Alpha(int call) => _alphas[call];

    /// <summary>Sigma, the factor of the noise, at a call or at the end of the run.</summary>
    protected double Sigma(int call) => _sigmas[call];

    /// <summary>Lambda, the half-logarithm of signal to noise, at a call or at the end of the run; infinite without noise.</summary>
    protected double Lambda(int call) => _lambdas[call];

    /// <summary>Converts the model's output to what is integrated: the clean sample or the noise.</summary>
    protected void Predict(bool isClean, ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> prediction)
    {
        if (isClean)
            PredictClean(modelOutput, call, sample, prediction);
        else
            PredictNoise(modelOutput, call, sample, prediction);
    }

    /// <summary>Converts the model's output to the clean sample, limited by thresholding or clipping.</summary>
    private void PredictClean(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> clean)
    {
        PredictionWeights weights = Prediction.Clean(_predictionType, Alpha(call), Sigma(call));
        VectorMath.Combine(clean, sample, weights.Sample, modelOutput, weights.Output);
        if (_thresholding.IsActive)
            _thresholding.Apply(clean, Scratch(_thresholdingScratch));
    }

    /// <summary>Converts the model's output to the noise; with thresholding or clipping, that of the limited clean sample.</summary>
    private void PredictNoise(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> noise)
    {
        if (!_thresholding.IsActive)
        {
            PredictionWeights weights = Prediction.Noise(_predictionType, Alpha(call), Sigma(call));
            VectorMath.Combine(noise, sample, weights.Sample, modelOutput, weights.Output);
            return;
        }

        PredictClean(modelOutput, call, sample, noise);
        VectorMath.Combine(noise, -Alpha(call) / Sigma(call), sample, 1 / Sigma(call));
    }

    /// <summary>
    /// The number of calls, counted back from one, whose noise levels differ from those before them; a slope between equal levels
    /// is undefined. Equal levels occur with very many steps, and if the levels of the training end where the run ends.
    /// </summary>
    /// <param name="newest">The call to count back from.</param>
    /// <param name="count">The maximum to count.</param>
    protected int DistinctPoints(int newest, int count)
    {
        for (int back = 1; back < count; back++)
        {
            if (Lambda(newest - back + 1) == Lambda(newest - back))
                return back;
        }

        return count;
    }

    /// <summary>Lowers the order of a predictor so that the noise levels of its points and of its target are distinct.</summary>
    protected int PredictorOrder(int call, int order) => Math.Max(DistinctPoints(call + 1, order + 1) - 1, 1);
}
