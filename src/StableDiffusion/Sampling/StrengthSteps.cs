using StableDiffusion.Sampling.KDiffusion;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling;

/// <summary>The steps of image-to-image for a strength.</summary>
internal static class StrengthSteps
{
    /// <summary>The number of steps of the schedule.</summary>
    /// <param name="steps">The number of steps that was asked for.</param>
    /// <param name="strength">How much noise is added, above 0 and up to 1; null if none is added to an image.</param>
    /// <param name="rule">The rule; null means that of the scheduler.</param>
    /// <exception cref="InvalidSettingException">The schedule is too long.</exception>
    public static int OfSchedule(int steps, double? strength, StrengthRule? rule)
    {
        if (rule != StrengthRule.Exact || strength is not double part)
            return steps;
        double all = steps / Math.Min(part, Sampler.HighestStrength);
        return all <= SchedulerCatalog.MaxSteps
            ? (int)all
            : throw new InvalidSettingException("Steps", $"{steps} steps at a strength of {part} need a schedule of more than {SchedulerCatalog.MaxSteps} steps. Use fewer steps, a higher strength, or another StrengthRule.");
    }

    /// <summary>The call at which a run starts.</summary>
    /// <param name="scheduler">The scheduler, of as many steps as <see cref="OfSchedule"/> returned.</param>
    /// <param name="strength">How much noise is added, 0 to 1.</param>
    /// <param name="rule">The rule; null means that of the scheduler: A1111's for the samplers of A1111, diffusers' for all others.</param>
    /// <param name="steps">The number of steps that was asked for.</param>
    /// <returns>The index of the first call, which is at or after the end of the schedule if there is no step to run.</returns>
    public static int FirstCall(Scheduler scheduler, double strength, StrengthRule? rule, int steps)
    {
        if (rule is null || rule == scheduler.OwnRule)
            return scheduler.FirstCall(strength);

        int run = rule switch
        {
            StrengthRule.Exact => steps,
            StrengthRule.A1111 => (int)(Math.Min(strength, Sampler.HighestStrength) * scheduler.Steps) + 1,
            _ => Math.Min((int)(scheduler.Steps * strength), scheduler.Steps),
        };
        if (run == 0)
            return scheduler.Timesteps.Count;

        // Each scheduler counts by its own rule: the strength for that, in the middle between two counts.
        double own = scheduler switch
        {
            // A1111 drops two steps of those that it counts, also of an exact number.
            A1111DdimScheduler when rule == StrengthRule.Diffusers => run + 1.5,
            { OwnRule: StrengthRule.A1111 } => run - 0.5,
            _ => run + 0.5,
        };
        return scheduler.FirstCall(Math.Min(own / scheduler.Steps, 1));
    }
}
