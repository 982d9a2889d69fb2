namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>The entries of <see cref="SchedulerCatalog"/> for k-diffusion's samplers, with the names and schedules of A1111 1.10.1.</summary>
/// <remarks>
/// <para>
/// Most of A1111's names are also common names of diffusers' schedulers for the same algorithm, but the two do not make the same
/// image: they choose noise levels and timesteps differently. A name that both have means diffusers' scheduler, like the
/// models' own configurations; with the prefix <c>A1111</c>, it means A1111's: <c>DPM++ 2M</c> and <c>A1111 DPM++ 2M</c>. A
/// name that only A1111 has needs no prefix (<c>DPM++ SDE</c>), but may have it.
/// </para>
/// <para>
/// The plain entry uses the schedule that A1111 chooses by itself ("Automatic"). Karras and Exponential have entries of their
/// own, since A1111 had those names before it had schedule types. For all others, use the option <c>schedule</c>.
/// </para>
/// </remarks>
internal static class SamplerCatalog
{
    private const string Prefix = "A1111 ";

    private const string KarrasPaper = "Elucidating the Design Space of Diffusion-Based Generative Models, arXiv:2206.00364";
    private const string DpmPaper = "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models, arXiv:2211.01095";

    /// <summary>The entries.</summary>
    /// <param name="taken">The names that diffusers' schedulers have.</param>
    public static IEnumerable<SchedulerInfo> Entries(IReadOnlySet<string> taken)
    {
        SchedulerInfo stochastic = new("DPM++ 2M SDE", "sample_dpmpp_2m_sde", DpmPlusPlus2MSdeSampler.OptionList, (settings, steps) => new DpmPlusPlus2MSdeSampler(settings, steps))
        {
            IsStochastic = true,
            Paper = DpmPaper,
        };
        List<SchedulerInfo> samplers =
        [
            new("Euler", "sample_euler", EulerSampler.OptionList, (settings, steps) => new EulerSampler(settings, steps)) { Paper = KarrasPaper },
            new("Euler a", "sample_euler_ancestral", EulerAncestralSampler.OptionList, (settings, steps) => new EulerAncestralSampler(settings, steps))
            {
                Aliases = ["euler_ancestral"],
                IsStochastic = true,
                Paper = KarrasPaper,
            },
            new("LMS", "sample_lms", LmsSampler.OptionList, (settings, steps) => new LmsSampler(settings, steps)) { Paper = KarrasPaper },
            new("Heun", "sample_heun", HeunSampler.OptionList, (settings, steps) => new HeunSampler(settings, steps)) { Order = 2, Paper = KarrasPaper },
            new("DPM2", "sample_dpm_2", Dpm2Sampler.OptionList, (settings, steps) => new Dpm2Sampler(settings, steps)) { Order = 2, Paper = KarrasPaper },
            new("DPM2 a", "sample_dpm_2_ancestral", Dpm2AncestralSampler.OptionList, (settings, steps) => new Dpm2AncestralSampler(settings, steps))
            {
                Aliases = ["dpm_2_ancestral"],
                Order = 2,
                IsStochastic = true,
                Paper = KarrasPaper,
            },
            new("DPM++ 2S a", "sample_dpmpp_2s_ancestral", DpmPlusPlus2SAncestralSampler.OptionList, (settings, steps) => new DpmPlusPlus2SAncestralSampler(settings, steps))
            {
                Aliases = ["dpmpp_2s_ancestral"],
                Order = 2,
                IsStochastic = true,
                Paper = DpmPaper,
            },
            new("DPM++ SDE", "sample_dpmpp_sde", DpmPlusPlusSdeSampler.OptionList, (settings, steps) => new DpmPlusPlusSdeSampler(settings, steps))
            {
                Order = 2,
                IsStochastic = true,
                Paper = DpmPaper,
            },
            new("DPM++ 2M", "sample_dpmpp_2m", DpmPlusPlus2MSampler.OptionList, (settings, steps) => new DpmPlusPlus2MSampler(settings, steps)) { Paper = DpmPaper },
            stochastic,
            stochastic with { Name = "DPM++ 2M SDE Heun", Presets = Preset(stochastic, SamplerOptions.SolverType, SamplerOptions.Heun) },
            new("DPM++ 3M SDE", "sample_dpmpp_3m_sde", DpmPlusPlus3MSdeSampler.OptionList, (settings, steps) => new DpmPlusPlus3MSdeSampler(settings, steps))
            {
                IsStochastic = true,
                Paper = DpmPaper,
            },
        ];

        foreach (SchedulerInfo sampler in samplers)
        {
            yield return Named(sampler, sampler.Name, "", taken);
            foreach (string schedule in (IEnumerable<string>)["Karras", "Exponential"])
            {
                SchedulerInfo entry = sampler with { Presets = Preset(sampler, SamplerOptions.Schedule, schedule.ToLowerInvariant()) };
                yield return Named(entry, $"{sampler.Name} {schedule}", $" {schedule}", taken);
            }
        }
    }

    private static SchedulerInfo Named(SchedulerInfo entry, string name, string suffix, IReadOnlySet<string> taken)
    {
        // k_ is the prefix in A1111's API and in older workflows of ComfyUI.
        bool isFree = !taken.Contains(entry.Name);
        IEnumerable<string> aliases = entry.Aliases.Select(alias => Prefix + alias + suffix);
        if (isFree)
            aliases = [Prefix + name, "k_" + name, .. entry.Aliases.SelectMany(alias => (IEnumerable<string>)[alias + suffix, "k_" + alias + suffix]), .. aliases];
        return entry with { Name = isFree ? name : Prefix + name, Aliases = [.. aliases] };
    }

    private static IReadOnlyDictionary<string, object?> Preset(SchedulerInfo entry, string name, object value) =>
        new Dictionary<string, object?>(entry.Presets, StringComparer.Ordinal) { [name] = value }.AsReadOnly();
}
