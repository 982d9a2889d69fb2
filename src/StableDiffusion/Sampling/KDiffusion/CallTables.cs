namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>The tables that are computed before a sampler's run.</summary>
/// <param name="Sigmas">The noise level at the start of each step, followed by the final one.</param>
/// <param name="CallSigmas">The noise level of the sample at each call, including churn.</param>
/// <param name="Timesteps">The timestep of each call.</param>
internal sealed record CallTables(float[] Sigmas, float[] CallSigmas, float[] Timesteps)
{
    /// <summary>The maximum fraction by which a step raises the noise level; with more, Karras et al. saw the images degrade.</summary>
    private static readonly double s_maxGamma = Math.Sqrt(2) - 1;

    /// <summary>Computes the tables.</summary>
    /// <param name="settings">The options.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="second">
    /// The noise level of a step's second call, given the levels at which the step starts and ends; null for algorithms with one
    /// call per step. A step to a noise level of zero has one call in any case.
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

    /// <summary>The fraction by which a step raises the noise level before it lowers it (algorithm 2 of arXiv:2206.00364).</summary>
    private static double Gamma(SchedulerSettings settings, float sigma, int steps)
    {
        if (settings.Optional(SamplerOptions.Churn) is not double churn
            || sigma < settings.Number(SamplerOptions.ChurnFrom)
            || sigma > settings.Number(SamplerOptions.ChurnTo))
            return 0;

        return Math.Min(churn / steps, s_maxGamma);
    }
}
