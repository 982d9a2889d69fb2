using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling;

/// <summary>Rules for the noise levels of a run, from noisy to clean, in place of those of evenly spaced timesteps.</summary>
internal static class SigmaSchedule
{
    /// <summary>Returns the rule that the settings choose; null for the model's own levels.</summary>
    /// <exception cref="InvalidSettingException">The settings choose more than one rule.</exception>
    public static Func<double, double, int, double[]>? Rule(SchedulerSettings settings)
    {
        bool karras = settings.Optional("use_karras_sigmas") is true;
        bool exponential = settings.Optional("use_exponential_sigmas") is true;
        bool beta = settings.Optional("use_beta_sigmas") is true;
        if ((karras ? 1 : 0) + (exponential ? 1 : 0) + (beta ? 1 : 0) > 1)
            throw new InvalidSettingException("use_karras_sigmas", "More than one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas is true. Set one of them at most.");

        return karras ? Karras : exponential ? Exponential : beta ? Beta : null;
    }

    /// <summary>Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", arXiv:2206.00364, equation 5, rho 7.</summary>
    public static double[] Karras(double max, double min, int count)
    {
        const double Rho = 7;
        double maxRoot = Math.Pow(max, 1 / Rho);
        double minRoot = Math.Pow(min, 1 / Rho);
        return Map(count, ramp => Math.Pow(maxRoot + (ramp * (minRoot - maxRoot)), Rho));
    }

    /// <summary>Evenly spaced logarithms, as in k-diffusion's exponential schedule.</summary>
    public static double[] Exponential(double max, double min, int count) =>
        Array.ConvertAll(TimestepSpacing.Linspace(Math.Log(max), Math.Log(min), count), Math.Exp);

    /// <summary>Lee et al., "Beta Sampling is All You Need", arXiv:2407.12173, with both shapes 0.6.</summary>
    public static double[] Beta(double max, double min, int count)
    {
        BetaDistribution distribution = new(0.6, 0.6);
        return Map(count, ramp => min + (distribution.Quantile(1 - ramp) * (max - min)));
    }

    private static double[] Map(int count, Converter<double, double> level) =>
        Array.ConvertAll(TimestepSpacing.Linspace(0, 1, count), level);
}
