using System.Diagnostics;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The noise levels of a run, from noisy to clean, by the schedules of A1111 1.10.1 (<c>sd_schedulers.py</c>) and of
/// k-diffusion. Computed in float32 where PyTorch does so, since the path of a <see cref="Noise.BrownianTreeNoise"/>
/// distinguishes levels that differ by 1e-6.
/// </summary>
internal static class NoiseLevels
{
    public const string Uniform = "uniform";
    public const string Karras = "karras";
    public const string Exponential = "exponential";

    private const string Polyexponential = "polyexponential";
    private const string SgmUniform = "sgm_uniform";
    private const string KlOptimal = "kl_optimal";
    private const string AysSd1 = "ays_sd1";
    private const string AysSdxl = "ays_sdxl";
    private const string Simple = "simple";
    private const string Normal = "normal";
    private const string Ddim = "ddim";
    private const string Beta = "beta";

    private const double KarrasRho = 7;

    // Sabour, Fidler and Kreis, "Align Your Steps: Optimizing Sampling Schedules in Diffusion Models", arXiv:2404.14507.
    private static readonly double[] s_aysSd1 = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029];
    private static readonly double[] s_aysSdxl = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029];

    public static IReadOnlyList<string> Names { get; } =
        [Uniform, Karras, Exponential, Polyexponential, SgmUniform, KlOptimal, AysSd1, AysSdxl, Simple, Normal, Ddim, Beta];

    /// <summary>Computes the noise levels.</summary>
    /// <param name="settings">The settings, with <see cref="SamplerOptions.Common"/>.</param>
    /// <param name="noise">The noise schedule that the model was trained with.</param>
    /// <param name="steps">The number of steps.</param>
    /// <returns>
    /// The noise level at the start of each step, followed by the final one, which is 0 except for kl_optimal. There is one level
    /// more than steps; for ddim sometimes two more, because of how it counts its steps.
    /// </returns>
    /// <exception cref="InvalidSettingException">The lowest level is not between 0 and the highest, or the options give no levels to start from.</exception>
    public static float[] Choose(SchedulerSettings settings, NoiseSchedule noise, int steps)
    {
        bool discards = settings.Flag(SamplerOptions.DiscardNextToLast);
        float[] levels = Schedule(settings, noise, discards ? steps + 1 : steps);
        if (discards)
            levels = [.. levels[..^2], levels[^1]];
        return levels[0] > 0 && Array.TrueForAll(levels, static level => float.IsFinite(level) && level >= 0)
            ? levels
            : throw new InvalidSettingException(SamplerOptions.Schedule, "The options of the scheduler give noise levels that are negative or not finite. Correct the betas or the options of the schedule, or omit them.");
    }

    private static float[] Schedule(SchedulerSettings settings, NoiseSchedule noise, int count)
    {
        double min = settings.OptionalNumber(SamplerOptions.SigmaMin) ?? noise.SigmaMin;
        double max = settings.OptionalNumber(SamplerOptions.SigmaMax) ?? noise.SigmaMax;
        if (!(min > 0 && min < max && double.IsFinite(max)))
            throw new InvalidSettingException(SamplerOptions.SigmaMin, $"The noise levels cannot run from {max} to {min}. Give a {SamplerOptions.SigmaMin} above 0 and a {SamplerOptions.SigmaMax} above that.");

        double? rho = settings.OptionalNumber(SamplerOptions.Rho);
        return settings.Word(SamplerOptions.Schedule) switch
        {
            Uniform => [.. OfTimesteps(noise, noise.Length - 1, 0, count), 0],
            Karras => [.. ByRoots(max, min, count, rho ?? KarrasRho), 0],
            Exponential => [.. Array.ConvertAll(NoiseSchedule.Linspace((float)Math.Log(max), (float)Math.Log(min), count), MathF.Exp), 0],
            Polyexponential => [.. ByPowersOfLogarithm(max, min, count, rho ?? 1), 0],
            SgmUniform => [.. OfTimesteps(noise, noise.TimestepAt((float)max), noise.TimestepAt((float)min), count + 1)[..^1], 0],
            KlOptimal => ByArcTangents(max, min, count),
            AysSd1 => [.. Interpolate(s_aysSd1, count), 0],
            AysSdxl => [.. Interpolate(s_aysSdxl, count), 0],
            Simple => [.. EvenlyPicked(noise, count), 0],
            Normal => [.. OfTimesteps(noise, noise.TimestepAt((float)max), noise.TimestepAt((float)min), count), 0],
            Ddim => [.. PickedFromTheSecond(noise, count), 0],
            Beta => [.. ByBetaDistribution(settings, max, min, count), 0],
            string unknown => throw new UnreachableException(unknown),
        };
    }

    /// <summary>The model's own noise levels at evenly spaced timesteps.</summary>
    private static float[] OfTimesteps(NoiseSchedule noise, float first, float last, int count) =>
        Array.ConvertAll(NoiseSchedule.Linspace(first, last, count), noise.SigmaByLogAt);

    /// <summary>Karras et al., arXiv:2206.00364, equation 5.</summary>
    private static float[] ByRoots(double max, double min, int count, double rho)
    {
        double maxRoot = Math.Pow(max, 1 / rho);
        float difference = (float)(Math.Pow(min, 1 / rho) - maxRoot);
        return Array.ConvertAll(NoiseSchedule.Linspace(0, 1, count), ramp => MathF.Pow((float)maxRoot + (ramp * difference), (float)rho));
    }

    private static float[] ByPowersOfLogarithm(double max, double min, int count, double rho)
    {
        float range = (float)(Math.Log(max) - Math.Log(min));
        float lowest = (float)Math.Log(min);
        return Array.ConvertAll(NoiseSchedule.Linspace(1, 0, count), ramp => MathF.Exp((MathF.Pow(ramp, (float)rho) * range) + lowest));
    }

    /// <summary>The schedule of minimum Kullback-Leibler divergence, theorem 3.1 of arXiv:2404.14507; it ends above zero.</summary>
    private static float[] ByArcTangents(double max, double min, int count)
    {
        (float maxAngle, float minAngle) = (MathF.Atan((float)max), MathF.Atan((float)min));
        float[] levels = new float[count + 1];
        for (int i = 0; i <= count; i++)
        {
            float place = i / (float)count;
            levels[i] = MathF.Tan((place * minAngle) + ((1 - place) * maxAngle));
        }

        return levels;
    }

    /// <summary>Interpolates the logarithms, counted from the clean end; a single level is the lowest.</summary>
    private static float[] Interpolate(double[] table, int count)
    {
        float[] levels = new float[count];
        double[] places = TimestepSpacing.Linspace(0, table.Length - 1, count);
        for (int i = 0; i < count; i++)
        {
            double place = table.Length - 1 - places[i];
            int high = Math.Min((int)place, table.Length - 2);
            double weight = place - high;
            levels[count - 1 - i] = (float)(weight switch
            {
                0 => table[high],
                1 => table[high + 1],
                _ => Math.Exp(((1 - weight) * Math.Log(table[high])) + (weight * Math.Log(table[high + 1]))),
            });
        }

        return levels;
    }

    private static float[] EvenlyPicked(NoiseSchedule noise, int count)
    {
        double stride = noise.Length / (double)count;
        float[] levels = new float[count];
        for (int i = 0; i < count; i++)
            levels[i] = (float)noise.SigmaAt(noise.Length - 1 - (int)(i * stride));
        return levels;
    }

    private static List<float> PickedFromTheSecond(NoiseSchedule noise, int count)
    {
        List<float> levels = [];
        for (int timestep = 1; timestep < noise.Length; timestep += Math.Max(noise.Length / count, 1))
            levels.Add((float)noise.SigmaAt(timestep));
        levels.Reverse();
        return levels;
    }

    /// <summary>Lee et al., "Beta Sampling is All You Need", arXiv:2407.12173.</summary>
    private static float[] ByBetaDistribution(SchedulerSettings settings, double max, double min, int count)
    {
        BetaDistribution distribution = new(settings.Number(SamplerOptions.BetaAlpha), settings.Number(SamplerOptions.BetaBeta));
        return Array.ConvertAll(TimestepSpacing.Linspace(0, 1, count), ramp => (float)(min + (distribution.Quantile(1 - ramp) * (max - min))));
    }
}
