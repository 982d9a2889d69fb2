using StableDiffusion.Sampling;

namespace StableDiffusion.Metadata;

/// <summary>Finds the scheduler that another tool's sampler and schedule are.</summary>
internal static class SamplerNames
{
    private const string Automatic = "Automatic";
    private const string Uniform = "uniform";
    private const string ScheduleOption = "schedule";

    // What the catalog calls k-diffusion's samplers where diffusers has one of the same name.
    private const string KDiffusionPrefix = "A1111 ";

    // Names that the catalog could not tell by itself: other words, and samplers that only make their noise elsewhere.
    private static readonly Dictionary<string, string> s_otherNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["dpmpp_2s_ancestral"] = "DPM++ 2S a",
        ["dpmpp_sde_gpu"] = "DPM++ SDE",
        ["dpmpp_2m_sde_gpu"] = "DPM++ 2M SDE",
        ["dpmpp_3m_sde_gpu"] = "DPM++ 3M SDE",
        ["dpm_2"] = "DPM2",
        ["ddim_v3"] = "DDIM",
    };

    // Schedules that go by another name than the sampler's option has for them. The Align Your Steps of SD 1.x and of
    // SDXL have one name in these tools.
    private static readonly Dictionary<string, string> s_otherSchedules = new(StringComparer.OrdinalIgnoreCase)
    {
        ["discrete"] = Uniform,
        ["native"] = Uniform,
        ["ddim_uniform"] = "ddim",
        ["align_your_steps"] = "ays_sd1",
        ["ays"] = "ays_sd1",
    };

    /// <summary>Finds the scheduler.</summary>
    /// <param name="sampler">The sampler's name, maybe with the schedule at its end.</param>
    /// <param name="schedule">The schedule's name; null if the sampler's says all.</param>
    /// <param name="isKDiffusion">Whether the tool runs k-diffusion's samplers, rather than diffusers' schedulers.</param>
    /// <param name="warnings">Told if there is none.</param>
    /// <returns>
    /// The catalog's name and entry, and the options that make the schedule; without an entry, the names as they are.
    /// </returns>
    public static (string Name, SchedulerInfo? Info, Dictionary<string, object?> Options) Resolve(string sampler, string? schedule, bool isKDiffusion, ICollection<string> warnings)
    {
        // k_ says that a sampler is k-diffusion's, in NovelAI's files and in A1111's API.
        string name = isKDiffusion && sampler.StartsWith("k_", StringComparison.OrdinalIgnoreCase) ? sampler[2..] : sampler;
        name = s_otherNames.GetValueOrDefault(name, name);
        string? word = Word(schedule);
        foreach (string prefix in isKDiffusion ? [KDiffusionPrefix, ""] : (ReadOnlySpan<string>)[""])
        {
            // Some schedules have entries of their own.
            if (word is not null and not Automatic && Find($"{prefix}{name} {schedule}") is SchedulerInfo whole)
                return (whole.Name, whole, []);
            if (Find(prefix + name) is SchedulerInfo info && TryChoose(info, word, isKDiffusion, out Dictionary<string, object?> options))
                return (info.Name, info, options);
        }

        string text = string.IsNullOrEmpty(schedule) ? sampler : $"{sampler} {schedule}";
        warnings.Add($"There is no scheduler '{text}' here. Choose another one to make the picture again; it will differ.");
        return (text, null, []);
    }

    private static string? Word(string? schedule)
    {
        if (string.IsNullOrEmpty(schedule))
            return null;
        if (schedule.Equals(Automatic, StringComparison.OrdinalIgnoreCase))
            return Automatic;

        string word = schedule.Replace(' ', '_').ToLowerInvariant();
        return s_otherSchedules.GetValueOrDefault(word, word);
    }

    private static bool TryChoose(SchedulerInfo info, string? schedule, bool isKDiffusion, out Dictionary<string, object?> options)
    {
        options = [];
        if (schedule == Automatic)
            return true;

        // The sampler's own name has the schedule that A1111 chooses today; before it named schedules, and in tools that
        // leave the name out, none means the model's own noise levels. A name such as "LMS Karras" has its schedule.
        SchedulerOption? option = info.Options.FirstOrDefault(option => option.Name == ScheduleOption);
        if (schedule is null)
        {
            if (isKDiffusion && option is not null && !info.Presets.ContainsKey(ScheduleOption) && !Equals(option.Default, Uniform))
                options[ScheduleOption] = Uniform;
            return true;
        }

        if (option is null)
            return schedule is Uniform or "normal" or "default" || (schedule == "ddim" && info.Name == "DDIM");
        if (!option.AllowedValues.Contains(schedule))
            return false;

        if (!Equals(option.Default, schedule))
            options[ScheduleOption] = schedule;
        return true;
    }

    private static SchedulerInfo? Find(string name) => SchedulerCatalog.TryFind(name, out SchedulerInfo? info) ? info : null;
}
