using System.Globalization;
using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Onnx;

/// <summary>The number of threads that an operator of a graph uses on the processor.</summary>
internal static class ThreadCount
{
    /// <summary>The environment variable that sets the number.</summary>
    public const string Variable = "STABLEDIFFUSION_THREADS";

    /// <summary>ONNX Runtime's own choice: one thread for each core of the machine.</summary>
    public const int OfCores = 0;

    // More are of no use on any machine, and each takes memory.
    private const int Most = 1024;

    // The system gives the length of a page for its own files.
    private const int LongestFile = 1 << 16;

    private static readonly Limit s_limit = new(Variable, OfCores);
    private static readonly Lazy<int> s_chosen = new(static () => Choose(Environment.ProcessorCount, Processors, IsPaired));
    private static readonly Lazy<int> s_cores = new(static () => Math.Max((Processors ?? Environment.ProcessorCount) / (IsPaired ? 2 : 1), 1));

    /// <summary>
    /// The number of threads: that which the environment variable <see cref="Variable"/> has; otherwise that of the processors that this
    /// process may use, if it may not use all. ONNX Runtime looks at those of the whole machine only, also in a container or a job
    /// of a cluster.
    /// </summary>
    /// <exception cref="InvalidSettingException">The variable does not hold a whole number above 0.</exception>
    public static int Current => s_limit.Value is var count and not OfCores ? (int)Math.Min(count, Most) : s_chosen.Value is var chosen and not OfCores ? chosen : s_cores.Value;

    /// <summary>What ONNX Runtime is told: <see cref="OfCores"/> for as many threads as there are cores, which it then keeps on their cores.</summary>
    /// <param name="count">The number of threads.</param>
    public static int Option(int count) => s_chosen.Value == OfCores && count == s_cores.Value ? OfCores : count;

    /// <summary>Chooses the number.</summary>
    /// <param name="usable">The number of processors that the process may use, by its affinity and by the quota of its container.</param>
    /// <param name="all">The number of processors of the machine; null if it is not known.</param>
    /// <param name="isPaired">Whether each core counts as two processors.</param>
    public static int Choose(int usable, int? all, bool isPaired) => usable < (isPaired ? all / 2 : all) ? usable : OfCores;

    /// <summary>Counts the processors in a list of Linux, such as <c>0-3,8</c>.</summary>
    /// <param name="list">The list.</param>
    /// <returns>Their number; null if it is no such list.</returns>
    public static int? Count(string list)
    {
        int count = 0;
        foreach (string range in list.Trim().Split(','))
        {
            string[] ends = range.Split('-');
            if (ends.Length > 2 || !int.TryParse(ends[0], CultureInfo.InvariantCulture, out int first) || !int.TryParse(ends[^1], CultureInfo.InvariantCulture, out int last) || last < first)
                return null;
            count += last - first + 1;
        }

        return count;
    }

    private static int? Processors => Read("present") is string list ? Count(list) : null;

    private static bool IsPaired => Read("smt/active")?.Trim() == "1";

    private static string? Read(string name)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            return Encoding.ASCII.GetString(RegularFile.ReadAllBytes($"/sys/devices/system/cpu/{name}", LongestFile));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
