namespace StableDiffusion.Sampling.Schedulers;

/// <summary>The timesteps for models that were distilled with a coarse schedule: a run uses some of that schedule's.</summary>
internal static class DistilledTimesteps
{
    /// <summary>The option for the length of that schedule.</summary>
    public static SchedulerOption OriginalSteps { get; } =
        SchedulerOptions.Count("original_inference_steps", 50, "The number of timesteps that the model was distilled with.", minimum: 1, maximum: 1000);

    /// <summary>Chooses as many timesteps as steps, evenly spaced, starting with the noisiest.</summary>
    /// <exception cref="InvalidSettingException">There are more steps than the schedule has timesteps.</exception>
    public static double[] Choose(SchedulerSettings settings, int steps)
    {
        int trained = settings.Integer("num_train_timesteps");
        if (settings.Numbers("timesteps") is double[] custom)
            return TimestepSpacing.Custom(custom, steps, trained);

        int original = settings.Integer("original_inference_steps");
        if (original > trained)
            throw new InvalidSettingException("original_inference_steps", $"original_inference_steps is {original}, above the {trained} timesteps that the model was trained with. Give at most {trained}.");

        if (steps > original)
            throw new InvalidSettingException("Steps", $"{steps} steps are more than the {original} that the model was distilled with (original_inference_steps). Give at most {original}; a few are enough.");

        int stride = trained / original;
        double[] timesteps = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            int index = (int)Math.Floor(i * ((double)original / steps));
            timesteps[i] = ((original - index) * stride) - 1;
        }

        return timesteps;
    }
}
