using System.Diagnostics;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// Times of several actions that took turns: A B A B ... What slows the machine down for a while then slows all of
/// them, so that the ratio of neighbours holds where the times themselves do not.
/// </summary>
internal sealed class Interleaved
{
    private const int FewestRounds = 7;
    private const int MostRounds = 1000;

    /// <summary>Long enough for .NET to compile hot code anew, which it does in the background.</summary>
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);

    private readonly Cost[][] _costs;

    private Interleaved(Cost[][] costs) => _costs = costs;

    /// <summary>How many turns each action had.</summary>
    public int Rounds => _costs[0].Length;

    /// <summary>Runs actions in turns: some untimed rounds first, then as many as there is time for, but not too few.</summary>
    /// <param name="limit">How long to go on.</param>
    /// <param name="actions">The actions.</param>
    public static Interleaved Run(TimeSpan limit, params ReadOnlySpan<Action> actions)
    {
        Func<Cost>[] measured = [.. actions.ToArray().Select(action => (Func<Cost>)(() => Cost.Of(action)))];
        Collect(s_warmUp, 1, int.MaxValue, measured);
        return new Interleaved(Collect(limit, FewestRounds, MostRounds, measured));
    }

    /// <summary>Runs a number of rounds of actions that tell their own cost, such as whole processes.</summary>
    /// <param name="rounds">How many rounds.</param>
    /// <param name="measured">The actions.</param>
    public static Interleaved Run(int rounds, params ReadOnlySpan<Func<Cost>> measured) =>
        new(Collect(TimeSpan.MaxValue, rounds, rounds, measured));

    /// <summary>The median time of an action in milliseconds.</summary>
    public double Median(int action) => Statistics.Median([.. _costs[action].Select(cost => cost.Time)]);

    /// <summary>The median of the ratios of an action's time to another one's within the same round.</summary>
    public double Ratio(int action, int other) => MedianOf(action, other, (mine, its) => mine.Time / its.Time);

    /// <summary>The median of the differences of an action's time from another one's within the same round, in milliseconds.</summary>
    public double Difference(int action, int other) => MedianOf(action, other, (mine, its) => mine.Time - its.Time);

    /// <summary>The ratio of the processor time that an action took over all rounds to that of another one.</summary>
    public double ProcessorRatio(int action, int other) =>
        _costs[action].Sum(cost => cost.Processor) / _costs[other].Sum(cost => cost.Processor);

    /// <summary>The median of the differences in processor time within the same round, in milliseconds.</summary>
    public double ProcessorDifference(int action, int other) => MedianOf(action, other, (mine, its) => mine.Processor - its.Processor);

    private static Cost[][] Collect(TimeSpan limit, int fewest, int most, ReadOnlySpan<Func<Cost>> measured)
    {
        List<Cost>[] costs = [.. measured.ToArray().Select(_ => new List<Cost>())];
        long begun = Stopwatch.GetTimestamp();
        while (costs[0].Count < fewest || (costs[0].Count < most && Stopwatch.GetElapsedTime(begun) < limit))
        {
            for (int i = 0; i < measured.Length; i++)
                costs[i].Add(measured[i]());
        }

        return [.. costs.Select(list => list.ToArray())];
    }

    private double MedianOf(int action, int other, Func<Cost, Cost, double> compare) =>
        Statistics.Median([.. _costs[action].Zip(_costs[other], compare)]);
}
