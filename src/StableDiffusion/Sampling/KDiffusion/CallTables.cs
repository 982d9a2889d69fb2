namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>What is settled before a sampler's run.</summary>
/// <param name="Sigmas">The noise level at which each step starts and, last, the one at which the run ends.</param>
/// <param name="CallSigmas">The noise level of the sample at each call, with the noise that is put back.</param>
/// <param name="Timesteps">The timestep of each call.</param>
internal sealed record CallTables(float[] Sigmas, float[] CallSigmas, float[] Timesteps)
{
    /// <summary>The greatest share by which a step raises the noise level: beyond, Karras et al. found the pictures to suffer.</summary>
    private static readonly double s_maxGamma = Math.Sqrt(2) - 1;

    /// <summary>Settles the calls.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">How many steps.</param>
    /// <param name="second">
    /// The noise level of a step's second call, by the levels at which the step starts and ends; null for algorithms
    /// of one call a step. A step to no noise has one call in any case.
    /// </param>
    public static CallTables Create(SchedulerSettings settings, int steps, Func<float, float, float>? second)
    {
        NoiseSchedule noise = NoiseSchedule.CreateOriginal(settings);
        float[] sigmas = NoiseLevels.Choose(settings, noise, steps);
        List<float> calls = new(2 * sigmas.Length);
        for (int step = 0; step + 1 < sigmas.Length; step++)
        {
            float start = sigmas[step] * (float)(Gamma(settings, sigmas[step], sigmas.Length - 1) + 1);
            calls.Add(start);
            if (second is not null && sigmas[step + 1] > 0)
                calls.Add(second(start, sigmas[step + 1]));
        }

        float[] callSigmas = [.. calls];
        return new CallTables(sigmas, callSigmas, Array.ConvertAll(callSigmas, noise.TimestepAt));
    }

    /// <summary>The share by which a step raises the noise level before it goes down (algorithm 2 of arXiv:2206.00364).</summary>
    private static double Gamma(SchedulerSettings settings, float sigma, int steps)
    {
        if (settings.Optional(SamplerOptions.Churn) is not double churn
            || sigma < settings.Number(SamplerOptions.ChurnFrom)
            || sigma > settings.Number(SamplerOptions.ChurnTo))
            return 0;

        return Math.Min(churn / steps, s_maxGamma);
    }
}
