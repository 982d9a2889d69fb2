using System.Diagnostics;

namespace StableDiffusion.Sampling;

/// <summary>
/// Chooses the timesteps of a run from those of the training, from noisy to clean: table 2 of Lin et al., "Common Diffusion
/// Noise Schedules and Sample Steps are Flawed" (arXiv:2305.08891), rounded as in diffusers, which uses NumPy.
/// </summary>
internal static class TimestepSpacing
{
    /// <summary>Chooses the timesteps for schedulers whose run ends at the last one.</summary>
    /// <param name="spacing">The kind of spacing.</param>
    /// <param name="steps">The number of timesteps to choose.</param>
    /// <param name="trained">The number of timesteps that the model was trained with.</param>
    /// <param name="offset">The offset that leading spacing adds.</param>
    /// <param name="whole">Whether the timesteps of linspace are rounded to integers.</param>
    public static double[] Choose(string spacing, int steps, int trained, int offset, bool whole)
    {
        CheckSteps(steps, trained);
        switch (spacing)
        {
            case SchedulerOptions.Linspace:
                double[] even = Linspace(0, trained - 1, steps);
                if (whole)
                    Round(even);
                Array.Reverse(even);
                return even;
            case SchedulerOptions.Leading:
                return Leading(steps, trained / steps, offset, trained);
            case SchedulerOptions.Trailing:
                return Trailing(steps, trained, trained);
            default:
                throw new UnreachableException(spacing);
        }
    }

    /// <summary>
    /// Chooses the timesteps for solvers that continue from the last one to a noise level of zero: one more is spaced, and the
    /// cleanest is left out.
    /// </summary>
    /// <param name="spacing">The kind of spacing.</param>
    /// <param name="steps">The number of timesteps to choose.</param>
    /// <param name="trained">The number of timesteps that the model was trained with.</param>
    /// <param name="usable">The number of timesteps, from the cleanest, that may be chosen.</param>
    /// <param name="offset">The offset that leading spacing adds.</param>
    public static double[] ChooseForSolver(string spacing, int steps, int trained, int usable, int offset)
    {
        CheckSteps(steps, trained);
        switch (spacing)
        {
            case SchedulerOptions.Linspace:
                double[] even = Linspace(0, usable - 1, steps + 1);
                Round(even);
                Array.Reverse(even);
                return even[..^1];
            case SchedulerOptions.Leading:
                int stride = usable / (steps + 1);
                if (stride == 0)
                    throw new InvalidSettingException("Steps", $"{steps} steps are too many for leading spacing. Give at most {usable - 1}, or the option timestep_spacing trailing or linspace.");
                return Leading(steps + 1, stride, offset, trained)[..^1];
            case SchedulerOptions.Trailing:
                return Trailing(steps, trained, usable);
            default:
                throw new UnreachableException(spacing);
        }
    }

    /// <summary>Checks the caller's own timesteps.</summary>
    /// <exception cref="InvalidSettingException">Their number is not that of the steps, they do not decrease, or they are not among those of the training.</exception>
    public static double[] Custom(double[] timesteps, int steps, int trained)
    {
        if (timesteps.Length != steps)
            throw new InvalidSettingException("timesteps", $"The option timesteps has {timesteps.Length} values for {steps} steps. Give as many as steps.");

        for (int i = 0; i < steps; i++)
        {
            if (timesteps[i] >= trained || (i > 0 && timesteps[i] >= timesteps[i - 1]))
                throw new InvalidSettingException("timesteps", $"The option timesteps has {timesteps[i]} at position {i + 1}. Give decreasing values below {trained}.");
        }

        return (double[])timesteps.Clone();
    }

    /// <summary>NumPy's <c>linspace</c>, including both ends.</summary>
    public static double[] Linspace(double start, double end, int count)
    {
        double[] values = new double[count];
        double step = count > 1 ? (end - start) / (count - 1) : 0;
        for (int i = 0; i < count; i++)
            values[i] = (i * step) + start;
        if (count > 1)
            values[^1] = end;
        return values;
    }

    private static double[] Leading(int count, int stride, int offset, int trained)
    {
        // With a step for each timestep of the training, there is no room for the offset.
        int shift = Math.Min(offset, trained - 1 - ((count - 1) * stride));
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
            values[count - 1 - i] = (i * stride) + shift;
        return values;
    }

    private static double[] Trailing(int steps, int trained, int usable)
    {
        // NumPy's arange steps by the difference of its first two values. If that is rounded down, it returns one value
        // too many, which would be timestep -1.
        double stride = (usable - (trained / (double)steps)) - usable;
        int count = Math.Min((int)Math.Ceiling(-usable / stride), steps);
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = Math.Round(usable + (i * stride)) - 1;
        return values;
    }

    private static void Round(Span<double> values)
    {
        foreach (ref double value in values)
            value = Math.Round(value);
    }

    private static void CheckSteps(int steps, int trained)
    {
        if (steps > trained)
            throw new InvalidSettingException("Steps", $"{steps} steps are more than the {trained} timesteps that the model was trained with. Give at most {trained}.");
    }
}
