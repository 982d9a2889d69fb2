using System.Diagnostics;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;

namespace StableDiffusion.Benchmarks;

/// <summary>One step of every scheduler on the latent of a 512x512 picture.</summary>
internal static class SamplerRows
{
    private const int Steps = 20;
    private const int Runs = 12;
    private const int Values = 4 * 64 * 64;
    private const double HighestMilliseconds = 1;

    public static IEnumerable<Row> Measure()
    {
        SchedulerConfig config = SchedulerConfig.Load(Path.Combine(DemoModel.Path, "scheduler", "scheduler_config.json"));
        float[] modelOutput = new float[Values];
        new TorchRandom(DemoModel.Seed).Fill(modelOutput, 0, 0);

        // Twice over all of them: the first time is the compiler's.
        Dictionary<SchedulerInfo, (double Milliseconds, long Bytes)> steps = [];
        for (int pass = 0; pass < 2; pass++)
        {
            foreach (SchedulerInfo info in SchedulerCatalog.All)
            {
                List<double> milliseconds = [];
                long bytes = 0;
                for (int run = 0; run < Runs; run++)
                    bytes = Math.Max(bytes, Run(SchedulerCatalog.Create(info, config, Steps), modelOutput, milliseconds));
                steps[info] = (Statistics.Median([.. milliseconds]), pass == 0 ? 0 : bytes);
            }
        }

        foreach (IGrouping<string, SchedulerInfo> group in SchedulerCatalog.All.GroupBy(WithoutRule))
        {
            double milliseconds = group.Max(info => steps[info].Milliseconds);
            long bytes = group.Max(info => steps[info].Bytes);
            string variants = group.Count() > 1 ? $", the slowest of {group.Count()} sigma schedules" : string.Empty;
            yield return new Row($"step of {group.Key}{variants}", $"{milliseconds * 1000:F0} us, {bytes} B{(group.First().IsStochastic ? ", with its noise" : string.Empty)}")
            {
                Goal = $"under {HighestMilliseconds} ms, 0 B",
                IsMet = milliseconds < HighestMilliseconds && bytes == 0,
            };
        }
    }

    /// <summary>The name of a scheduler without its rule for noise levels, which changes the levels and not what a step does.</summary>
    public static string WithoutRule(SchedulerInfo info)
    {
        foreach (string rule in (ReadOnlySpan<string>)[" Karras", " Exponential", " Beta"])
        {
            if (info.Name.EndsWith(rule, StringComparison.Ordinal))
                return info.Name[..^rule.Length];
        }

        return info.Name;
    }

    /// <summary>Makes a run, notes the time of each call, and gives what the calls of its second half allocated, when the history is full.</summary>
    private static long Run(Scheduler scheduler, ReadOnlySpan<float> modelOutput, List<double> milliseconds)
    {
        INoiseSource noise = scheduler.CreateNoise(DemoModel.Seed, new TorchRandom(DemoModel.Seed));
        float[] sample = new float[Values];
        noise.Fill(sample, 0, 0);
        milliseconds.EnsureCapacity(milliseconds.Count + scheduler.Timesteps.Count);
        long before = 0;
        for (int call = 0; call < scheduler.Timesteps.Count; call++)
        {
            if (call == scheduler.Timesteps.Count / 2)
                before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            scheduler.Step(modelOutput, call, sample, noise);
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
