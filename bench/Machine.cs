using System.Globalization;

namespace StableDiffusion.Benchmarks;

/// <summary>How busy the machine is with other work.</summary>
internal static class Machine
{
    /// <summary>
    /// How many threads want a core, over the last minute, the benchmark's own included; null where the system does not tell.
    /// </summary>
    public static double? Load => OperatingSystem.IsLinux()
        ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture)
        : null;

    /// <summary>
    /// Whether other programs take so much that times say more of them than of us. Goals are then judged by processor
    /// time, which counts only what we do ourselves.
    /// </summary>
    public static bool IsBusy => Load > 1.5 * Environment.ProcessorCount;
}
