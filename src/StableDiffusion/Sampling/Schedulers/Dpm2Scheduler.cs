using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// DPM-Solver-2 in the midpoint form of Crowson's k-diffusion (<c>sample_dpm_2</c> and <c>sample_dpm_2_ancestral</c>), after
/// algorithm 2 of Karras et al., arXiv:2206.00364: two calls per step, the second at the geometric mean of the noise levels.
/// Follows diffusers' <c>KDPM2DiscreteScheduler</c> and <c>KDPM2AncestralDiscreteScheduler</c>.
/// </summary>
internal sealed class Dpm2Scheduler : SigmaScheduler
{
    private const int KeptSample = 0;
    private const int Noise = 1;

    private readonly bool _isAncestral;
    private readonly float[] _callSigmas;
    private readonly float[] _down;
    private readonly float[] _up;

    private Dpm2Scheduler(SchedulerSettings settings, int steps, bool isAncestral, Tables tables)
        : base(settings, steps, tables.Timesteps, tables.Listed, scratchCount: 2)
    {
        _isAncestral = isAncestral;
        _callSigmas = tables.CallSigmas;
        _down = tables.Down;
        _up = tables.Up;
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        .. SchedulerOptions.SigmaSchedules,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Velocity),
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
    ];

    /// <inheritdoc/>
    public override int Order => 2;

    /// <summary>Initializes the scheduler.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="isAncestral">Whether each step goes below the next noise level and adds noise to return to it.</param>
    public static Dpm2Scheduler Create(SchedulerSettings settings, int steps, bool isAncestral) =>
        new(settings, steps, isAncestral, Tables.Create(settings, steps, isAncestral));

    /// <summary>The noise level of a step's second call, computed from logarithms in the order of operations of PyTorch's <c>lerp</c> at one half.</summary>
    /// <param name="start">The level that the step starts from.</param>
    /// <param name="end">The level that it ends at; above 0.</param>
    public static float GeometricMean(float start, float end)
    {
        float logEnd = MathF.Log(end);
        return (float)Math.Exp(logEnd - ((logEnd - MathF.Log(start)) * 0.5f));
    }

    protected override float SampleSigma(int call) => _callSigmas[call];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        double sigma = _callSigmas[call];
        int step = call / 2;
        PredictionWeights derivative = Derivative(sigma);
        if (CallsMade % 2 == 0)
        {
            // The last step has a single call and ends at the final noise level.
            sample.CopyTo(Scratch(KeptSample));
            double target = call + 1 < Timesteps.Count ? _callSigmas[call + 1] : 0;
            VectorMath.Combine(sample, 1 + ((target - sigma) * derivative.Sample), modelOutput, (target - sigma) * derivative.Output);
        }
        else
        {
            double change = (double)_down[step] - _callSigmas[call - 1];
            VectorMath.Combine(sample, change * derivative.Sample, modelOutput, change * derivative.Output);
            VectorMath.Add(sample, Scratch(KeptSample), 1);
            if (_isAncestral)
                VectorMath.Add(sample, Draw(noise, Noise, _callSigmas[call - 1], _callSigmas[call + 1]), _up[step]);
        }
    }

    /// <summary>The tables that are computed before the run.</summary>
    /// <param name="Timesteps">The timestep of each call.</param>
    /// <param name="CallSigmas">The noise level of the sample at each call.</param>
    /// <param name="Listed">The noise levels as diffusers lists them.</param>
    /// <param name="Down">The noise level that the model's part of each step ends at.</param>
    /// <param name="Up">The standard deviation of the noise that each step adds.</param>
    private sealed record Tables(float[] Timesteps, float[] CallSigmas, float[] Listed, float[] Down, float[] Up)
    {
        public static Tables Create(SchedulerSettings settings, int steps, bool isAncestral)
        {
            NoiseSchedule noise = NoiseSchedule.Create(settings);
            (double[] timesteps, double[] levels) = Levels(settings, noise, steps, wholeKarras: true);
            float[] sigmas = [.. ToSingle(levels), 0];
            float[] down = new float[steps];
            float[] up = new float[steps];
            float[] callSigmas = new float[(2 * steps) - 1];
            float[] callTimesteps = new float[(2 * steps) - 1];
            float[] listed = new float[(2 * steps) + 2];
            for (int i = 0; i < steps; i++)
            {
                (down[i], up[i]) = isAncestral ? AncestralStep.Split(sigmas[i], sigmas[i + 1]) : (sigmas[i + 1], 0);
                callSigmas[2 * i] = sigmas[i];
                callTimesteps[2 * i] = (float)timesteps[i];
                if (i + 1 < steps)
                {
                    float middle = GeometricMean(sigmas[i], down[i]);
                    callSigmas[(2 * i) + 1] = middle;
                    callTimesteps[(2 * i) + 1] = noise.TimestepAt(middle);
                }
            }

            for (int i = 0; i <= 2 * steps; i++)
                listed[i] = sigmas[(i + 1) / 2];
            return new Tables(callTimesteps, callSigmas, listed, down, up);
        }
    }
}
