using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>Where a denoising goes from one model to a refiner (Podell et al., arXiv 2307.01952, section 2.5).</summary>
internal static class HandOver
{
    /// <summary>The part of the denoising that the first model does, by default.</summary>
    public const double DefaultSwitchAt = 0.8;

    // The timesteps of the training.
    private const int Timesteps = 1000;

    /// <summary>The step to stop the first model before.</summary>
    /// <param name="scheduler">The scheduler of the first model.</param>
    /// <param name="options">The options, with the refiner.</param>
    /// <param name="isFromImage">Whether the denoising starts from an image.</param>
    /// <param name="steps">The number of steps that was asked for, which the schedule need not have.</param>
    /// <exception cref="InvalidSettingException">There is no step for one of the models.</exception>
    public static int Step(Scheduler scheduler, DenoiseOptions options, bool isFromImage, int steps)
    {
        double part = options.RefinerSwitchAt ?? DefaultSwitchAt;
        SettingTable.Find(nameof(options.RefinerSwitchAt)).Check(part);
        RefinerMode mode = EnumSetting.Parse(nameof(options.RefinerMode), options.RefinerMode, default(RefinerMode));
        int first = isFromImage
            ? scheduler.CountSteps(StrengthSteps.FirstCall(scheduler, options.Strength ?? DenoiseOptions.DefaultStrength, new InpaintSettings(options).StrengthRule, steps))
            : 0;
        int count = scheduler.CountSteps(scheduler.Timesteps.Count);
        bool countsSteps = options.RefinerSwitchBySteps == true;
        if (countsSteps && mode != RefinerMode.A1111)
            throw new InvalidSettingException(nameof(options.RefinerSwitchBySteps), "RefinerSwitchBySteps is a setting of A1111's way; a refiner with a schedule of its own begins at a level of noise. Use the RefinerMode A1111, or omit RefinerSwitchBySteps.");
        int step = countsSteps
            ? first + StepOf(part, count - first)
            : scheduler.CountSteps(mode == RefinerMode.A1111 ? FirstCallOfA1111(scheduler, part) : CallsBefore(scheduler, part));
        if (step >= count)
            throw new InvalidSettingException(nameof(options.RefinerSwitchAt), $"RefinerSwitchAt {part} leaves none of the {count} steps to the refiner. Use a lower one, or more steps.");
        if (step <= first)
            throw new InvalidSettingException(nameof(options.RefinerSwitchAt), $"RefinerSwitchAt {part} leaves none of the {count} steps to the model before the refiner. Use a higher one, more steps or, with an image to start from, more strength.");
        return step;
    }

    /// <summary>The first call of a refiner with a schedule of its own.</summary>
    /// <param name="scheduler">The scheduler of the refiner.</param>
    /// <param name="part">The part of the denoising that is done, 0 to 1.</param>
    public static int FirstCall(Scheduler scheduler, double part) => scheduler.CountSteps(CallsBefore(scheduler, part)) * scheduler.Order;

    /// <summary>The number of calls above a level of noise, as diffusers counts them.</summary>
    private static int CallsBefore(Scheduler scheduler, double part)
    {
        double cutoff = Math.Round(Timesteps - (part * Timesteps));
        return scheduler.Timesteps.TakeWhile(timestep => timestep >= cutoff).Count();
    }

    /// <summary>The first step of the refiner by the steps that are done, as A1111 counts them with its option <c>refiner_switch_by_sample_steps</c>.</summary>
    private static int StepOf(double part, int steps) => Enumerable.Range(0, steps + 1).First(done => done == steps || (double)done / steps >= part);

    /// <summary>The first call of the refiner, as A1111 counts them (<c>apply_refiner</c>).</summary>
    private static int FirstCallOfA1111(Scheduler scheduler, double part) =>
        scheduler.Timesteps.TakeWhile(timestep => (Timesteps - 1 - Math.Round(timestep)) / Timesteps < part).Count();
}
