using System.Diagnostics;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// Times of several actions that took turns: A B A B ... What slows the machine down for a while then slows all of
/// them, so that the ratio of neighbours holds where the times themselves do not.
/// </summary>
internal sealed class Interleaved
{
    private const int FewestRounds = 7;
    private const int MostRounds = 300;

    private readonly double[][] _milliseconds;

    private Interleaved(double[][] milliseconds) => _milliseconds = milliseconds;

    /// <summary>How many turns each action had.</summary>
    public int Rounds => _milliseconds[0].Length;

    /// <summary>Runs actions in turns, each once untimed and then for as long as said.</summary>
    public static Interleaved Run(TimeSpan limit, params ReadOnlySpan<Action> actions)
    {
        foreach (Action action in actions)
            action();
        return Run(limit, actions.ToArray().Select(action => (Func<double>)(() => Time(action))).ToArray());
    }

    /// <summary>Runs actions in turns that tell their own time in milliseconds.</summary>
    public static Interleaved Run(TimeSpan limit, params ReadOnlySpan<Func<double>> timed)
    {
        List<double>[] times = [.. timed.ToArray().Select(_ => new List<double>())];
        long begun = Stopwatch.GetTimestamp();
        while (times[0].Count < FewestRounds || (Stopwatch.GetElapsedTime(begun) < limit && times[0].Count < MostRounds))
        {
            for (int i = 0; i < timed.Length; i++)
                times[i].Add(timed[i]());
        }

        return new Interleaved([.. times.Select(list => list.ToArray())]);
    }

    /// <summary>The median time of an action in milliseconds.</summary>
    public double Median(int action) => Statistics.Median(_milliseconds[action]);

    /// <summary>The median of the ratios of an action to another one within the same round.</summary>
    public double Ratio(int action, int other) =>
        Statistics.Median([.. _milliseconds[action].Zip(_milliseconds[other], (mine, its) => mine / its)]);

    /// <summary>The median of the differences of an action from another one within the same round, in milliseconds.</summary>
    public double Difference(int action, int other) =>
        Statistics.Median([.. _milliseconds[action].Zip(_milliseconds[other], (mine, its) => mine - its)]);

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
