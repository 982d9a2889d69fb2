using StableDiffusion.Sampling;

namespace StableDiffusion.Metadata;

/// <summary>Finds the scheduler for the sampler and schedule of another tool.</summary>
internal static class SamplerNames
{
    private const string Automatic = "Automatic";
    private const string Uniform = "uniform";
    private const string ScheduleOption = "schedule";

    // The catalog's prefix for A1111's samplers whose names diffusers has too.
    private const string KDiffusionPrefix = "A1111 ";

    // Names that are not in the catalog: synonyms, and samplers that only draw their noise on another device.
    private static readonly Dictionary<string, string> s_otherNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["dpmpp_2s_ancestral"] = "DPM++ 2S a",
        ["dpmpp_sde_gpu"] = "DPM++ SDE",
        ["dpmpp_2m_sde_gpu"] = "DPM++ 2M SDE",
        ["dpmpp_3m_sde_gpu"] = "DPM++ 3M SDE",
        ["dpm_2"] = "DPM2",
        ["ddim_v3"] = "DDIM",
    };

    // Schedules whose name differs from the sampler's option. In these tools, Align Your Steps has the same name for SD 1.x and
    // for SDXL.
    private static readonly Dictionary<string, string> s_otherSchedules = new(StringComparer.OrdinalIgnoreCase)
    {
        ["discrete"] = Uniform,
        ["native"] = Uniform,
        ["ddim_uniform"] = "ddim",
        ["align_your_steps"] = "ays_sd1",
        ["ays"] = "ays_sd1",
    };

    /// <summary>Finds the scheduler.</summary>
    /// <param name="sampler">The sampler's name, possibly with the schedule at its end.</param>
    /// <param name="schedule">The schedule's name; null if the sampler's name includes it.</param>
    /// <param name="isKDiffusion">Whether the tool runs k-diffusion's samplers, rather than diffusers' schedulers.</param>
    /// <param name="warnings">Receives a warning if there is none.</param>
    /// <returns>
    /// The catalog's name and entry, and the options for the schedule; without an entry, the unchanged names.
    /// </returns>
    public static (string Name, SchedulerInfo? Info, Dictionary<string, object?> Options) Resolve(string sampler, string? schedule, bool isKDiffusion, ICollection<string> warnings)
    {
        // The prefix k_ means k-diffusion, in NovelAI's files and in A1111's API.
        string name = isKDiffusion && sampler.StartsWith("k_", StringComparison.OrdinalIgnoreCase) ? sampler[2..] : sampler;
        name = s_otherNames.GetValueOrDefault(name, name);
        string? word = Word(schedule);

        // ComfyUI's ddim is another one.
        bool isA1111 = isKDiffusion && name != "ddim";
        foreach (string prefix in isA1111 ? [KDiffusionPrefix, ""] : (ReadOnlySpan<string>)[""])
        {
            // Some schedules have entries of their own.
            if (word is not null and not Automatic && Find($"{prefix}{name} {schedule}") is SchedulerInfo whole)
                return (whole.Name, whole, []);
            if (Find(prefix + name) is SchedulerInfo info && TryChoose(info, word, isKDiffusion, out Dictionary<string, object?> options))
                return (info.Name, info, options);
        }

        string text = string.IsNullOrEmpty(schedule) ? sampler : $"{sampler} {schedule}";
        warnings.Add($"The scheduler '{text}' is not supported. Choose another one to make the image again; it will differ.");
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

        // The sampler's own name means the schedule that A1111 chooses today; before it named schedules, and in tools that
        // omit the name, no schedule means the model's own noise levels. A name such as "LMS Karras" includes its schedule.
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
