using StableDiffusion.Sampling;

namespace StableDiffusion.Images.Metadata;

/// <summary>Finds the scheduler that another tool's sampler and schedule are.</summary>
internal static class SamplerNames
{
    // The names that say no more than the tool's usual schedule: noise levels at evenly spaced timesteps.
    private static readonly string[] s_usualSchedules = ["Automatic", "Uniform", "Normal", "Discrete", "Native", "Default"];

    // Names that the catalog could not tell by itself: other words, and places where only the noise is made elsewhere.
    private static readonly Dictionary<string, string> s_otherNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["dpmpp_2s_ancestral"] = "DPM++ 2S a",
        ["k_dpmpp_2s_ancestral"] = "DPM++ 2S a",
        ["dpmpp_sde_gpu"] = "DPM++ SDE",
        ["dpmpp_2m_sde_gpu"] = "DPM++ 2M SDE",
        ["dpmpp_3m_sde_gpu"] = "DPM++ 3M SDE",
        ["ddim_v3"] = "DDIM",
    };

    /// <summary>Finds the scheduler.</summary>
    /// <param name="sampler">The sampler's name, maybe with the schedule at its end.</param>
    /// <param name="schedule">The schedule's name; null if the sampler's says all.</param>
    /// <param name="warnings">Told if there is none.</param>
    /// <param name="isKDiffusion">Whether the tool runs k-diffusion's samplers rather than diffusers' schedulers.</param>
    /// <returns>The catalog's name for it; the names as they are if there is none.</returns>
    public static string Resolve(string sampler, string? schedule, ICollection<string> warnings, bool isKDiffusion = true)
    {
        string name = s_otherNames.GetValueOrDefault(sampler, sampler);
        bool isUsual = string.IsNullOrEmpty(schedule) || s_usualSchedules.Contains(schedule, StringComparer.OrdinalIgnoreCase)
            || (schedule.Equals("ddim_uniform", StringComparison.OrdinalIgnoreCase) && name.Equals("DDIM", StringComparison.OrdinalIgnoreCase));
        if (Find($"{name} {schedule}", isKDiffusion) is string exact)
            return exact;
        if (isUsual && Find(name, isKDiffusion) is string usual)
            return usual;

        string text = string.IsNullOrEmpty(schedule) ? sampler : $"{sampler} {schedule}";
        warnings.Add($"There is no scheduler '{text}' here. Choose another one to make the picture again; it will differ.");
        return text;
    }

    private static string? Find(string name, bool isKDiffusion)
    {
        // k-diffusion's have the tool's name in front where diffusers has an algorithm of the same name.
        string bare = name.StartsWith("k_", StringComparison.OrdinalIgnoreCase) ? name[2..] : name;
        if (isKDiffusion && SchedulerCatalog.TryFind("A1111 " + bare, out SchedulerInfo? info))
            return info.Name;
        return SchedulerCatalog.TryFind(name, out info) ? info.Name : null;
    }
}
