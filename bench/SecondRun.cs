using System.Diagnostics;
using System.Globalization;

namespace StableDiffusion.Benchmarks;

/// <summary>Measures work in a child process, whose parent reads the numbers.</summary>
internal static class SecondRun
{
    /// <summary>The line with the time of the second run.</summary>
    public const string Seconds = "seconds";

    /// <summary>The line with its processor time, in seconds.</summary>
    public const string Processor = "processor";

    /// <summary>The line with the most memory of both runs, in MiB.</summary>
    public const string Memory = "anonymous";

    /// <summary>Runs work twice, and tells what the second run cost and how much memory both took at most.</summary>
    /// <param name="run">The work.</param>
    public static void Tell(Action run)
    {
        using PeakMemory memory = new();
        run();
        long start = Stopwatch.GetTimestamp();
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        run();
        Tell(Seconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
        Tell(Processor, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
        Tell(Memory, memory.Stop());
    }

    private static void Tell(string word, double number) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{word} {number}"));
}
