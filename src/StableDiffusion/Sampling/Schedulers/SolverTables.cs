namespace StableDiffusion.Sampling.Schedulers;

/// <summary>The timesteps and noise levels for a run of a <see cref="SolverScheduler"/>.</summary>
/// <param name="Timesteps">The timestep of each call; integers.</param>
/// <param name="Sigmas">The noise level at each call, followed by the final one.</param>
internal readonly record struct SolverTables(float[] Timesteps, float[] Sigmas)
{
    /// <summary>Chooses them as diffusers' solvers do.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="noise">The noise schedule that the model was trained with.</param>
    /// <param name="repeatsLast">
    /// Whether a run with other noise levels than the model's own that does not end at zero ends at the last of them, rather than
    /// at the lowest noise level of the training.
    /// </param>
    /// <param name="flowsFromOne">Whether the noise levels for flow matching start at pure noise, rather than one timestep below.</param>
    public static SolverTables Choose(SchedulerSettings settings, int steps, NoiseSchedule noise, bool repeatsLast, bool flowsFromOne = false)
    {
        Func<double, double, int, double[]>? rule = SigmaSchedule.Rule(settings);
        bool lu = settings.Optional("use_lu_lambdas") is true;
        bool flow = settings.Optional("use_flow_sigmas") is true;

        if (flow && (rule is not null || lu))
            throw new InvalidSettingException("use_flow_sigmas", "The option use_flow_sigmas and another rule for the noise levels exclude each other. Give one of them.");
        if (settings.Numbers("timesteps") is not null && (rule is not null || lu || flow))
            throw new InvalidSettingException("timesteps", "The option timesteps and a rule for the noise levels exclude each other. Give one of them.");

        double[] timesteps;
        double[] sigmas;
        if (rule is not null || lu)
        {
            // Lu et al. space lambda evenly: with an exponent of 1, this is the exponential rule.
            sigmas = (rule ?? SigmaSchedule.Exponential)(
                settings.OptionalNumber("sigma_max") ?? noise.SigmaMax, settings.OptionalNumber("sigma_min") ?? noise.SigmaMin, steps);
            timesteps = Array.ConvertAll(sigmas, noise.TimestepAt);
            if (RoundsTimesteps(settings))
                timesteps = Array.ConvertAll(timesteps, Math.Round);
        }
        else if (flow)
        {
            sigmas = FlowSigmas(settings, steps, noise.Length, flowsFromOne);
            timesteps = Array.ConvertAll(sigmas, sigma => sigma * noise.Length);
        }
        else
        {
            timesteps = Spaced(settings, steps, noise);
            sigmas = Array.ConvertAll(timesteps, noise.SigmaAt);
            repeatsLast = false;
        }

        double last = settings.Optional("final_sigmas_type") is "zero" ? 0 : repeatsLast ? sigmas[^1] : noise.SigmaMin;
        return new SolverTables(
            Array.ConvertAll(timesteps, static timestep => (float)Math.Truncate(timestep)),
            Array.ConvertAll([.. sigmas, last], static sigma => (float)sigma));
    }

    /// <summary>Whether diffusers rounds the timesteps of a rule; it truncates the others to integers.</summary>
    private static bool RoundsTimesteps(SchedulerSettings settings)
    {
        if (settings.Optional("use_lu_lambdas") is null)
            return settings.Flag("use_karras_sigmas");

        return (settings.Flag("use_karras_sigmas") || settings.Flag("use_lu_lambdas"))
            && settings.Word("beta_schedule") != "squaredcos_cap_v2";
    }

    private static double[] Spaced(SchedulerSettings settings, int steps, NoiseSchedule noise)
    {
        if (settings.Numbers("timesteps") is double[] custom)
            return TimestepSpacing.Custom(custom, steps, noise.Length);

        int usable = noise.Length - noise.CountBelow(settings.OptionalNumber("lambda_min_clipped") ?? double.NegativeInfinity);
        return TimestepSpacing.ChooseForSolver(
            (string?)settings.Optional("timestep_spacing") ?? SchedulerOptions.Linspace,
            steps,
            noise.Length,
            usable,
            (int?)settings.Optional("steps_offset") ?? 0);
    }

    private static double[] FlowSigmas(SchedulerSettings settings, int steps, int trained, bool fromOne)
    {
        const double BelowOne = 1 - 1e-6;

        double shift = settings.Number("flow_shift");
        double least = 1.0 / trained;
        double[] even = fromOne ? TimestepSpacing.Linspace(1, least, steps + 1) : TimestepSpacing.Linspace(1 - least, 0, steps + 1);

        // At 1 the sample would contain nothing of the clean sample, and lambda would be infinite.
        return Array.ConvertAll(even[..^1], sigma => Math.Min(shift * sigma / (1 + ((shift - 1) * sigma)), BelowOne));
    }
}
