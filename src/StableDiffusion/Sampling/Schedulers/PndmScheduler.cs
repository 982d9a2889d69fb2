using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// PNDM: Liu, Ren, Lin and Zhao, "Pseudo Numerical Methods for Diffusion Models on Manifolds", arXiv:2202.09778.
/// Follows diffusers' <c>PNDMScheduler</c>: three Runge-Kutta steps of four calls each, followed by the linear multistep
/// method; or, with <c>skip_prk_steps</c>, only the multistep method (PLMS), whose first step takes two calls.
/// </summary>
internal sealed class PndmScheduler : AlphaScheduler
{
    private const int RungeKuttaSteps = 3;
    private const int RungeKuttaCalls = 4 * RungeKuttaSteps;
    private const int KeptSample = 0;
    private const int Blend = 1;

    private readonly int _stride;
    private readonly bool _startsWithRungeKutta;

    public PndmScheduler(SchedulerSettings settings, int steps)
        : base(settings, steps, CallTimesteps(settings, steps), historyDepth: 4, scratchCount: 2)
    {
        _stride = Noise.Length / steps;
        _startsWithRungeKutta = !settings.Flag("skip_prk_steps");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Toggle("skip_prk_steps", false, "Leave out the Runge-Kutta steps at the start, as Stable Diffusion does (PLMS)."),
        SchedulerOptions.SetAlphaToOne(false),
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Velocity),
        SchedulerOptions.Spacing(SchedulerOptions.Leading),
        SchedulerOptions.StepsOffset,
    ];

    /// <inheritdoc/>
    public override int FirstCall(double strength)
    {
        int first = base.FirstCall(strength);
        return first == 0 || !_startsWithRungeKutta
            ? first
            : throw new InvalidSettingException("Strength", "PNDM with its Runge-Kutta steps cannot start in the middle. Give strength 1, or the option skip_prk_steps true.");
    }

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        if (_startsWithRungeKutta && call < RungeKuttaCalls)
            AdvanceRungeKutta(modelOutput, call, sample);
        else
            AdvanceMultistep(modelOutput, call, sample);
    }

    private void AdvanceRungeKutta(ReadOnlySpan<float> modelOutput, int call, Span<float> sample)
    {
        int previous = Timestep(call) - (call % 2 == 0 ? _stride / 2 : 0);
        int start = Timestep(call / 4 * 4);
        Span<float> kept = Scratch(KeptSample);
        Span<float> blend = Scratch(Blend);
        switch (call % 4)
        {
            case 0:
                modelOutput.CopyTo(PushHistory());
                sample.CopyTo(kept);
                blend.Clear();
                VectorMath.Add(blend, modelOutput, 1.0 / 6);
                break;
            case 3:
                VectorMath.Add(blend, modelOutput, 1.0 / 6);
                kept.CopyTo(sample);
                Transfer(sample, blend, start, previous);
                return;
            default:
                VectorMath.Add(blend, modelOutput, 1.0 / 3);
                kept.CopyTo(sample);
                break;
        }

        Transfer(sample, modelOutput, start, previous);
    }

    private void AdvanceMultistep(ReadOnlySpan<float> modelOutput, int call, Span<float> sample)
    {
        int timestep = Timestep(call);
        int previous = timestep - _stride;
        Span<float> kept = Scratch(KeptSample);
        Span<float> blend = Scratch(Blend);
        if (CallsMade == 1)
        {
            // The second call of the first step: the same step again, with the mean of both outputs.
            VectorMath.Combine(blend, modelOutput, 0.5, History(0), 0.5);
            kept.CopyTo(sample);
            Transfer(sample, blend, timestep + _stride, timestep);
            return;
        }

        modelOutput.CopyTo(PushHistory());
        switch (HistoryCount)
        {
            case 1:
                sample.CopyTo(kept);
                modelOutput.CopyTo(blend);
                break;
            case 2:
                VectorMath.Combine(blend, History(0), 3.0 / 2, History(1), -1.0 / 2);
                break;
            case 3:
                VectorMath.Combine(blend, History(0), 23.0 / 12, History(1), -16.0 / 12);
                VectorMath.Add(blend, History(2), 5.0 / 12);
                break;
            default:
                VectorMath.Combine(blend, History(0), 55.0 / 24, History(1), -59.0 / 24);
                VectorMath.Add(blend, History(2), 37.0 / 24);
                VectorMath.Add(blend, History(3), -9.0 / 24);
                break;
        }

        Transfer(sample, blend, timestep, previous);
    }

    /// <summary>Formula (11) of the paper: moves a sample from one timestep to another with an output.</summary>
    private void Transfer(Span<float> sample, ReadOnlySpan<float> output, int timestep, int target)
    {
        double from = Alpha(Math.Min(timestep, Noise.Length - 1));
        double to = Alpha(target);
        PredictionWeights toNoise = Prediction.Noise(PredictionType, Math.Sqrt(from), Math.Sqrt(1 - from));
        double weight = (to - from) / ((from * Math.Sqrt(1 - to)) + Math.Sqrt(from * (1 - from) * to));
        VectorMath.Combine(sample, Math.Sqrt(to / from) - (weight * toNoise.Sample), output, -weight * toNoise.Output);
    }

    private static double[] CallTimesteps(SchedulerSettings settings, int steps)
    {
        int trained = settings.Integer("num_train_timesteps");
        double[] spaced = TimestepSpacing.Choose(settings.Word("timestep_spacing"), steps, trained, settings.Integer("steps_offset"), whole: true);
        if (settings.Flag("skip_prk_steps"))
            return steps == 1 ? spaced : [spaced[0], spaced[1], .. spaced[1..]];

        if (steps <= RungeKuttaSteps)
            throw new InvalidSettingException("Steps", $"PNDM's Runge-Kutta steps need at least {RungeKuttaSteps + 1} steps. Give more, or the option skip_prk_steps true.");

        // Each Runge-Kutta step calls the model at its start, twice at its midpoint, and at its end.
        List<double> calls = [];
        double half = trained / steps / 2;
        for (int i = 0; i < RungeKuttaSteps; i++)
            calls.AddRange([spaced[i], spaced[i + 1] + half, spaced[i + 1] + half, spaced[i + 1]]);

        return [.. calls, .. spaced[RungeKuttaSteps..]];
    }
}
