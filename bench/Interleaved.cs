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
    private const int MostWarmUpRounds = 100;

    /// <summary>Long enough for .NET to compile hot code anew, which it does in the background.</summary>
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    private readonly double[][] _milliseconds;

    private Interleaved(double[][] milliseconds) => _milliseconds = milliseconds;

    /// <summary>How many turns each action had.</summary>
    public int Rounds => _milliseconds[0].Length;

    /// <summary>Runs actions in turns: some untimed rounds first, then as many as there is time for, but not too few.</summary>
    /// <param name="limit">How long to go on.</param>
    /// <param name="actions">The actions.</param>
    public static Interleaved Run(TimeSpan limit, params ReadOnlySpan<Action> actions)
    {
        Func<double>[] timed = [.. actions.ToArray().Select(action => (Func<double>)(() => Time(action)))];
        Collect(s_warmUp, 1, MostWarmUpRounds, timed);
        return new Interleaved(Collect(limit, FewestRounds, MostRounds, timed));
    }

    /// <summary>Runs a number of rounds of actions that tell their own time in milliseconds, such as whole processes.</summary>
    /// <param name="rounds">How many rounds.</param>
    /// <param name="timed">The actions.</param>
    public static Interleaved Run(int rounds, params ReadOnlySpan<Func<double>> timed) =>
        new(Collect(TimeSpan.MaxValue, rounds, rounds, timed));

    /// <summary>The median time of an action in milliseconds.</summary>
    public double Median(int action) => Statistics.Median(_milliseconds[action]);

    /// <summary>The median of the ratios of an action to another one within the same round.</summary>
    public double Ratio(int action, int other) =>
        Statistics.Median([.. _milliseconds[action].Zip(_milliseconds[other], (mine, its) => mine / its)]);

    /// <summary>The median of the differences of an action from another one within the same round, in milliseconds.</summary>
    public double Difference(int action, int other) =>
        Statistics.Median([.. _milliseconds[action].Zip(_milliseconds[other], (mine, its) => mine - its)]);

    private static double[][] Collect(TimeSpan limit, int fewest, int most, ReadOnlySpan<Func<double>> timed)
    {
        List<double>[] times = [.. timed.ToArray().Select(_ => new List<double>())];
        long begun = Stopwatch.GetTimestamp();
        while (times[0].Count < fewest || (times[0].Count < most && Stopwatch.GetElapsedTime(begun) < limit))
        {
            for (int i = 0; i < timed.Length; i++)
                times[i].Add(timed[i]());
        }

        return [.. times.Select(list => list.ToArray())];
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
