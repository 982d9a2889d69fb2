using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Ancestral sampling with Euler's method ("Euler a"): each step goes below the next noise level and adds noise to return to
/// it, divided as in k-diffusion's <c>sample_euler_ancestral</c>. Ancestral sampling with noise levels is appendix F of Song
/// et al., "Score-Based Generative Modeling through Stochastic Differential Equations", arXiv:2011.13456. Follows diffusers'
/// <c>EulerAncestralDiscreteScheduler</c>.
/// </summary>
internal sealed class EulerAncestralScheduler : SigmaScheduler
{
    public EulerAncestralScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Levels(settings, NoiseSchedule.Create(settings, finiteTerminal: true), steps))
    {
    }

    private EulerAncestralScheduler(SchedulerSettings settings, int steps, (double[] Timesteps, double[] Sigmas) levels)
        : base(settings, steps, ToSingle(levels.Timesteps), [.. ToSingle(levels.Sigmas), 0], scratchCount: 1)
    {
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SchedulerOptions.Betas,
        SchedulerOptions.Prediction(PredictionType.Epsilon, PredictionType.Velocity),
        SchedulerOptions.Spacing(SchedulerOptions.Linspace),
        SchedulerOptions.StepsOffset,
        SchedulerOptions.ZeroTerminalSnr,
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        float sigma = Sigmas[call];
        float next = Sigmas[call + 1];
        (float down, float up) = AncestralStep.Split(sigma, next);

        PredictionWeights derivative = Derivative(sigma);
        double change = (double)down - sigma;
        VectorMath.Combine(sample, 1 + (change * derivative.Sample), modelOutput, change * derivative.Output);
        VectorMath.Add(sample, Draw(noise, 0, sigma, next), up);
    }
}
