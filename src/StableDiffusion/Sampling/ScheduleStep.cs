namespace StableDiffusion.Sampling;

/// <summary>A step of a schedule: at which noise level the U-Net runs, and to which one the step leads.</summary>
public sealed record ScheduleStep
{
    private ScheduleStep()
    {
    }

    /// <summary>The name of the scheduler.</summary>
    public required string Scheduler { get; init; }

    /// <summary>The number of the step, from 1, as that of the latent after it.</summary>
    public required int Step { get; init; }

    /// <summary>The timestep of the step's first call of the U-Net; 0 to 999 for models trained with 1000 timesteps.</summary>
    public float Timestep => Timesteps[0];

    /// <summary>The timesteps of all calls of the step.</summary>
    public required IReadOnlyList<float> Timesteps { get; init; }

    /// <summary>
    /// The noise level at the step's first call: the standard deviation of the noise for each unit of the clean latent; infinite
    /// at pure noise. For flow matching, the factor of the noise, 1 at pure noise.
    /// </summary>
    public required double Sigma { get; init; }

    /// <summary>The noise level that the step leads to.</summary>
    public required double SigmaNext { get; init; }

    /// <summary>
    /// The clean latent's share of the variance, 0 to 1: the cumulative product of the alphas (Ho et al., arXiv 2006.11239), which
    /// is signal to noise divided by signal to noise plus 1.
    /// </summary>
    public required double AlphaCumprod { get; init; }

    /// <summary>The ratio of signal to noise, of their variances; 0 at pure noise (Kingma et al., arXiv 2107.00630).</summary>
    public required double SignalToNoise { get; init; }

    /// <summary>The natural logarithm of <see cref="SignalToNoise"/>; minus infinity at pure noise.</summary>
    public double LogSignalToNoise => Math.Log(SignalToNoise);

    /// <summary>How many times the U-Net runs in the step for each prompt: guidance runs it for the negative prompt as well.</summary>
    public int Calls => Timesteps.Count;

    /// <summary>The steps of a run.</summary>
    /// <param name="scheduler">The scheduler, at the start of the run.</param>
    /// <param name="name">Its name.</param>
    /// <param name="firstCall">The first call that is made.</param>
    internal static IReadOnlyList<ScheduleStep> Of(Scheduler scheduler, string name, int firstCall)
    {
        int calls = scheduler.Timesteps.Count, order = scheduler.Order;
        List<ScheduleStep> steps = new(scheduler.CountSteps(calls - firstCall));
        for (int call = firstCall; call < calls; call += order)
        {
            int next = Math.Min(call + order, calls);
            double sigma = scheduler.LevelAt(call).Sigma;
            steps.Add(new ScheduleStep
            {
                Scheduler = name,
                Step = scheduler.CountSteps(next),
                Timesteps = [.. scheduler.Timesteps.Skip(call).Take(next - call)],
                Sigma = scheduler.SigmaAt(call),
                SigmaNext = next < calls ? scheduler.SigmaAt(next) : scheduler.FinalSigma,
                AlphaCumprod = 1 / ((sigma * sigma) + 1),
                SignalToNoise = 1 / (sigma * sigma),
            });
        }

        return steps;
    }
}
