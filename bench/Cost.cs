using System.Diagnostics;

namespace StableDiffusion.Benchmarks;

/// <summary>What something took, in milliseconds: time, and processor time of all threads together.</summary>
internal readonly record struct Cost(double Time, double Processor)
{
    /// <summary>Runs an action of this process.</summary>
    public static Cost Of(Action action)
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        action();
        return new Cost(Stopwatch.GetElapsedTime(start).TotalMilliseconds, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds);
    }
}
