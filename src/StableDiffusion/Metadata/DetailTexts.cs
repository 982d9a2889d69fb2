using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Metadata;

/// <summary>The settings of regions that are painted anew under the names of A1111's extension ADetailer, as far as they are not plain values.</summary>
internal static class DetailTexts
{
    /// <summary>Distinguishes the samplers of A1111 and diffusers that have the same name; ADetailer does not write it.</summary>
    public const string SchedulerKey = "Detail scheduler";

    private const string Prefix = "ADetailer ";
    private const string SamplerKey = Prefix + "sampler";
    private const string ScheduleKey = Prefix + "scheduler";

    // Its detectors are files of PyTorch, and ours of ONNX.
    private const string TorchEnding = ".pt";
    private const string GraphEnding = ".onnx";

    // The version whose texts these are.
    private const string Version = "24.11.1";

    /// <summary>What is written only if other settings are, or always, and says nothing more.</summary>
    private static readonly (string Key, Func<DetailSettings, bool> IsWritten)[] s_switches =
    [
        (Prefix + "inpaint only masked", static _ => true),
        (Prefix + "use inpaint width height", static detail => (detail.DetailWidth ?? detail.DetailHeight) is not null),
        (Prefix + "use separate steps", static detail => detail.DetailSteps is not null),
        (Prefix + "use separate CFG scale", static detail => detail.DetailGuidanceScale is not null),
        (Prefix + "use separate sampler", static detail => detail.DetailScheduler is not null),
    ];

    /// <summary>The settings as texts.</summary>
    /// <param name="detail">The settings.</param>
    /// <param name="sampler">A1111's name of the scheduler; null for none.</param>
    /// <param name="schedule">A1111's name of its schedule; null for none.</param>
    public static IEnumerable<(string Key, string? Value)> Of(DetailSettings detail, string? sampler, string? schedule)
    {
        foreach ((string key, Func<DetailSettings, bool> isWritten) in s_switches)
            yield return (key, isWritten(detail) ? "True" : null);
        yield return (SamplerKey, sampler);
        yield return (ScheduleKey, schedule);
        yield return (Prefix + "version", Version);
    }

    /// <summary>Reads them.</summary>
    /// <param name="plain">The plain values.</param>
    /// <param name="reader">The texts.</param>
    /// <param name="isOwn">Whether this project wrote them.</param>
    /// <param name="used">Receives the keys that were understood.</param>
    /// <param name="resolve">Finds a scheduler by the names of A1111.</param>
    /// <returns>The settings; null if the image has no such regions.</returns>
    public static DetailSettings? Read(DetailSettings? plain, SettingReader reader, bool isOwn, HashSet<string> used, Func<string, string?, string> resolve)
    {
        if (plain?.Detailer is not string detector || detector == "None")
            return null;

        // A second one has keys of its own, which are not understood.
        foreach ((string key, _) in s_switches)
        {
            if (string.Equals(reader.Text(key), "True", StringComparison.OrdinalIgnoreCase))
                used.Add(key);
        }

        used.UnionWith([SamplerKey, ScheduleKey, Prefix + "version", .. isOwn ? [SchedulerKey] : (string[])[]]);
        string? sampler = reader.Text(SamplerKey);
        return plain with { Detailer = NameOf(detector), DetailScheduler = (isOwn ? reader.Text(SchedulerKey) : null) ?? (sampler is null ? null : resolve(sampler, reader.Text(ScheduleKey))) };
    }

    /// <summary>The name of a detector without the ending of its file.</summary>
    /// <param name="detector">The name, or a path.</param>
    public static string NameOf(string detector) => Path.GetExtension(detector) is string ending && (ending.Equals(TorchEnding, StringComparison.OrdinalIgnoreCase) || ending.Equals(GraphEnding, StringComparison.OrdinalIgnoreCase))
        ? Path.GetFileNameWithoutExtension(detector)
        : detector;
}
