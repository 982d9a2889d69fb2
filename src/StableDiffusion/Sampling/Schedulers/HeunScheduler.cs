using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Heun's method, with two calls per step except for the last: algorithm 1 of Karras, Aittala, Aila and Laine, "Elucidating
/// the Design Space of Diffusion-Based Generative Models", arXiv:2206.00364. Follows diffusers'
/// <c>HeunDiscreteScheduler</c>.
/// </summary>
internal sealed class HeunScheduler : SigmaScheduler
{
    private const int KeptSample = 0;
    private const int KeptDerivative = 1;
    private const int Current = 2;
    private const int Sorting = 3;

    private readonly DynamicThresholding _thresholding;

    public HeunScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Levels(settings, NoiseSchedule.Create(settings), steps))
    {
    }

    private HeunScheduler(SchedulerSettings settings, int steps, (double[] Timesteps, double[] Sigmas) levels)
        : base(settings, steps, EachTwice(levels.Timesteps), [.. EachTwice(levels.Sigmas), 0], scratchCount: 4)
    {
        _thresholding = new DynamicThresholding(settings);
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity),
        .. SchedulerOptions.SigmaSchedules,
        .. SchedulerOptions.ClipSample(false),
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.CustomTimesteps,
    ];

    /// <inheritdoc/>
    public override int Order => 2;

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        float sigma = Sigmas[call];
        bool isCorrecting = CallsMade % 2 == 1;
        Span<float> derivative = Scratch(isCorrecting ? Current : KeptDerivative);
        if (_thresholding.IsActive)
        {
            PredictionWeights denoised = Prediction.Denoised(PredictionType, sigma);
            VectorMath.Combine(derivative, sample, denoised.Sample, modelOutput, denoised.Output);
            _thresholding.Apply(derivative, Scratch(Sorting));
            VectorMath.Combine(derivative, -1.0 / sigma, sample, 1.0 / sigma);
        }
        else
        {
            PredictionWeights slope = Derivative(sigma);
            VectorMath.Combine(derivative, sample, slope.Sample, modelOutput, slope.Output);
        }

        if (isCorrecting)
        {
            double half = ((double)sigma - Sigmas[call - 1]) / 2;
            Scratch(KeptSample).CopyTo(sample);
            VectorMath.Add(sample, Scratch(KeptDerivative), half);
            VectorMath.Add(sample, derivative, half);
        }
        else
        {
            sample.CopyTo(Scratch(KeptSample));
            VectorMath.Add(sample, derivative, (double)Sigmas[call + 1] - sigma);
        }
    }

    private static float[] EachTwice(double[] values)
    {
        float[] doubled = new float[(2 * values.Length) - 1];
        for (int i = 0; i < doubled.Length; i++)
            doubled[i] = (float)values[(i + 1) / 2];
        return doubled;
    }
}
