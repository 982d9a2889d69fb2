using StableDiffusion.Noise;

namespace StableDiffusion.Sampling;

/// <summary>
/// The linear multistep method over noise levels: Adams-Bashforth on uneven steps, as Crowson's k-diffusion brought it
/// to diffusion models (<c>sample_lms</c>), on the equation of Karras et al., arXiv:2206.00364. Follows diffusers'
/// <c>LMSDiscreteScheduler</c>.
/// </summary>
internal sealed class LmsScheduler : SigmaScheduler
{
    private const int MaxOrder = 4;

    private readonly int _order;

    public LmsScheduler(SchedulerSettings settings, int steps)
        : this(settings, steps, Levels(settings, NoiseSchedule.Create(settings), steps))
    {
    }

    private LmsScheduler(SchedulerSettings settings, int steps, (double[] Timesteps, double[] Sigmas) levels)
        : base(settings, steps, ToSingle(levels.Timesteps), [.. ToSingle(levels.Sigmas), 0], settings.Integer("order"))
    {
        _order = settings.Integer("order");
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. Options.Betas,
        .. Options.SigmaSchedules,
        Options.Prediction(Options.Epsilon, Options.Sample, Options.Velocity),
        Options.Spacing(Options.Linspace),
        Options.StepsOffset,
        Options.Count("order", MaxOrder, "How many derivatives a step looks at.", minimum: 1, maximum: MaxOrder) with { IsConfigurable = false },
    ];

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        Mix derivative = Derivative(Sigmas[call]);
        Elementwise.Combine(PushHistory(), sample, derivative.Sample, modelOutput, derivative.Output);

        // The order is what the place in the schedule allows; a run that starts late goes without the derivatives
        // that it lacks, as it does in diffusers.
        int order = Math.Min(call + 1, _order);
        for (int back = 0; back < Math.Min(order, HistoryCount); back++)
            Elementwise.Add(sample, History(back), Coefficient(order, call, back));
    }

    /// <summary>The integral over the step of the Lagrange polynomial that is 1 at one of the last noise levels and 0 at the others.</summary>
    private double Coefficient(int order, int call, int back)
    {
        // Two nodes of Gauss and Legendre are exact up to the third degree, and so up to order 4.
        double middle = (Sigmas[call] + (double)Sigmas[call + 1]) / 2;
        double half = ((double)Sigmas[call + 1] - Sigmas[call]) / 2;
        double node = half / Math.Sqrt(3);
        return half * (Lagrange(middle - node) + Lagrange(middle + node));

        double Lagrange(double sigma)
        {
            double product = 1;
            for (int other = 0; other < order; other++)
            {
                if (other != back)
                    product *= (sigma - Sigmas[call - other]) / ((double)Sigmas[call - back] - Sigmas[call - other]);
            }

            return product;
        }
    }
}
