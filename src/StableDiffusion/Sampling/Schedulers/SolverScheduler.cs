namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// A solver of the diffusion equation in the half-logarithm of signal to noise (lambda), after Lu et al.,
/// "DPM-Solver", arXiv:2206.00927: the sample has unit variance, a share alpha of it the picture's and a share sigma
/// the noise's.
/// </summary>
internal abstract class SolverScheduler : TableScheduler
{
    private readonly double[] _alphas;
    private readonly double[] _sigmas;
    private readonly double[] _lambdas;
    private readonly string _predictionType;
    private readonly DynamicThresholding _thresholding;
    private readonly int _thresholdingScratch;

    /// <summary>Makes the solver.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="tables">The timesteps and the noise levels of the run.</param>
    /// <param name="historyDepth">How many spans of past calls the algorithm looks back at.</param>
    /// <param name="scratchCount">How many further spans it works with.</param>
    protected SolverScheduler(SchedulerSettings settings, SolverTables tables, int historyDepth, int scratchCount)
        : base(tables.Timesteps.Length, tables.Timesteps, tables.Sigmas, historyDepth, scratchCount + 1)
    {
        _predictionType = settings.Word("prediction_type");
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

    /// <summary>The picture's share of the sample at a call, or, at index <c>calls</c>, where the run ends.</summary>
    protected double Alpha(int call) => _alphas[call];

    /// <summary>The noise's share of the sample at a call, or where the run ends.</summary>
    protected double Sigma(int call) => _sigmas[call];

    /// <summary>The half-logarithm of signal to noise at a call, or where the run ends; infinite without noise.</summary>
    protected double Lambda(int call) => _lambdas[call];

    /// <summary>Computes what is integrated: the picture or the noise that the model's output means.</summary>
    protected void Predict(bool isClean, ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> prediction)
    {
        if (isClean)
            PredictClean(modelOutput, call, sample, prediction);
        else
            PredictNoise(modelOutput, call, sample, prediction);
    }

    /// <summary>Computes the picture that the model's output means, within the limits that are set.</summary>
    private void PredictClean(ReadOnlySpan<float> modelOutput, int call, ReadOnlySpan<float> sample, Span<float> clean)
    {
        PredictionWeights weights = Prediction.Clean(_predictionType, Alpha(call), Sigma(call));
        VectorMath.Combine(clean, sample, weights.Sample, modelOutput, weights.Output);
        if (_thresholding.IsActive)
            _thresholding.Apply(clean, Scratch(_thresholdingScratch));
    }

    /// <summary>Computes the noise that the model's output means; with limits, that which belongs to the limited picture.</summary>
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
    /// How many calls, counted back from one, differ in noise level from the one before each: between equal levels
    /// nothing has a slope. Very many steps bring equal ones about, and noise levels that end where they would end
    /// anyway.
    /// </summary>
    /// <param name="newest">The call to count back from.</param>
    /// <param name="count">How many to count at most.</param>
    protected int DistinctPoints(int newest, int count)
    {
        for (int back = 1; back < count; back++)
        {
            if (Lambda(newest - back + 1) == Lambda(newest - back))
                return back;
        }

        return count;
    }

    /// <summary>Lowers a predictor's order so that all of its points, and where it goes, differ in noise level.</summary>
    protected int PredictorOrder(int call, int order) => Math.Max(DistinctPoints(call + 1, order + 1) - 1, 1);
}
