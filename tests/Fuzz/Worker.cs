using System.Diagnostics;
using System.Globalization;

namespace StableDiffusion.Fuzz;

/// <summary>Runs the cases of one target in a process of its own, which a case may end or block.</summary>
internal static class Worker
{
    /// <summary>The option that starts it.</summary>
    public const string Option = "--worker";

    /// <summary>The first word of the line that tells of a fault.</summary>
    public const string FaultWord = "fault";

    /// <summary>The processor time that a case may take.</summary>
    public static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10);

    /// <summary>The command line of a worker.</summary>
    public static string[] Arguments(FuzzTarget target, long seed, TimeSpan time, string state) =>
        [Option, target.Name, seed.ToString(CultureInfo.InvariantCulture), time.TotalSeconds.ToString(CultureInfo.InvariantCulture), state];

    /// <summary>Runs cases from the state's index on, until the time is over.</summary>
    public static void Run(string name, string seedText, string seconds, string statePath)
    {
        FuzzTarget target = FuzzTargets.Find(name);
        long seed = long.Parse(seedText, CultureInfo.InvariantCulture);
        TimeSpan time = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
        using WorkerState state = new(statePath);
        HashSet<string> sites = [];
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < time; state.Index++)
        {
            byte[] data = target.Create(seed, state.Index);
            TimeSpan before = Environment.CpuUsage.TotalTime;
            CaseResult result = CaseRunner.Run(target, data);
            TimeSpan taken = Environment.CpuUsage.TotalTime - before;

            // What earlier cases left is not the memory of this one.
            if (GC.GetTotalMemory(forceFullCollection: false) > CaseRunner.MaxMemory / 4)
                GC.Collect();
            if (taken > state.Slowest)
                state.Slowest = taken;
            if (taken > MaxTime)
                result = new CaseResult(CaseKind.Hang, $"It took {taken.TotalSeconds:0} s.", nameof(CaseKind.Hang));

            if (!result.IsFault)
            {
                _ = result.Kind == CaseKind.Accepted ? state.Accepted++ : state.Refused++;
                continue;
            }

            // Only the first case of each fault is kept.
            string path = sites.Add(result.Site) ? CaseFiles.Save(target, seed, Shrink(target, data, result), result) : string.Empty;
            Console.WriteLine(string.Join('\t', FaultWord, result.Kind, result.Site, path));
        }
    }

    private static byte[] Shrink(FuzzTarget target, byte[] data, CaseResult result) => result.Kind is CaseKind.Hang or CaseKind.Memory
        ? data
        : Shrinker.Shrink(data, smaller => CaseRunner.Run(target, smaller) is var other && other.Kind == result.Kind && other.Site == result.Site);
}
