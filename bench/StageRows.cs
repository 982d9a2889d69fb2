using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;

namespace StableDiffusion.Benchmarks;

/// <summary>Each stage beside bare runs of its graph: time in pairs, allocations by BenchmarkDotNet.</summary>
internal static class StageRows
{
    private const double HighestRatio = 1.03;
    private const double HighestStepMilliseconds = 1;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_denoisingLimit = TimeSpan.FromSeconds(20);

    public static IEnumerable<Row> Measure()
    {
        Dictionary<(string Stage, string Method), long> allocated = MeasureAllocations();
        using StageSet stages = new();
        foreach (string name in StageSet.Names)
        {
            bool isDenoising = name == StageSet.Denoising;
            (Action engine, Action bare) = stages[name];
            Interleaved times = Interleaved.Run(isDenoising ? s_denoisingLimit : s_limit, engine, bare);
            double ratio = times.Ratio(0, 1);
            double processorRatio = times.ProcessorRatio(0, 1);
            yield return new Row(name, $"{times.Median(0):F2} ms")
            {
                Beside = $"{times.Median(1):F2} ms, bare Run",
                Compared = $"{ratio:F3} x ({times.Rounds} pairs)",
                Processor = $"{processorRatio:F3} x",
                Goal = $"at most {HighestRatio} x",
                IsMet = (Machine.IsBusy ? processorRatio : ratio) <= HighestRatio,
            };
            if (isDenoising)
            {
                double perStep = times.Difference(0, 1) / StageSet.Steps;
                double processorPerStep = times.ProcessorDifference(0, 1) / StageSet.Steps;
                yield return new Row("a step outside the U-Net", $"{perStep:F3} ms")
                {
                    Processor = $"{processorPerStep:F3} ms",
                    Goal = $"at most {HighestStepMilliseconds} ms",
                    IsMet = (Machine.IsBusy ? processorPerStep : perStep) <= HighestStepMilliseconds,
                };
                (Action together, Action each) = stages[StageSet.Together];
                Interleaved batch = Interleaved.Run(s_denoisingLimit, together, each);
                yield return new Row(StageSet.Together, $"{batch.Median(0):F2} ms")
                {
                    Beside = $"{batch.Median(1):F2} ms, one by one",
                    Compared = $"{batch.Ratio(0, 1):F3} x ({batch.Rounds} pairs)",
                    Processor = $"{batch.ProcessorRatio(0, 1):F3} x",
                };
                (Action doubleEngine, Action doubleBare) = stages[StageSet.DoubleDenoising];
                long growth = (AllocatedBy(doubleEngine) - AllocatedBy(engine)) / StageSet.Steps;
                long bareGrowth = (AllocatedBy(doubleBare) - AllocatedBy(bare)) / StageSet.Steps;
                yield return new Row("allocated by a step more", $"{growth} B")
                {
                    Beside = $"{bareGrowth} B, bare Run",
                    Goal = "no more than bare",
                    IsMet = growth <= bareGrowth,
                };
            }

            yield return new Row($"allocated by the {(isDenoising ? "denoising" : name)}", $"{allocated[(name, nameof(StageBenchmarks.Engine))] / 1024.0:F1} KiB")
            {
                Beside = $"{allocated[(name, nameof(StageBenchmarks.Bare))] / 1024.0:F1} KiB, bare Run",
            };
        }
    }

    /// <summary>What a second run of an action allocates, on this thread alone and so to the byte.</summary>
    private static long AllocatedBy(Action action)
    {
        action();
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static Dictionary<(string Stage, string Method), long> MeasureAllocations()
    {
        string artifacts = Path.Combine(Path.GetTempPath(), $"sd-bench-{Guid.NewGuid():N}");
        try
        {
            // In this process: nothing has to be generated, restored and built a second time.
            Job job = Job.Default
                .WithToolchain(InProcessNoEmitToolchain.Instance)
                .WithStrategy(RunStrategy.Throughput)
                .WithIterationTime(TimeInterval.FromMilliseconds(50))
                .WithWarmupCount(1)
                .WithIterationCount(3);
            ManualConfig config = ManualConfig.CreateEmpty()
                .AddJob(job)
                .AddDiagnoser(MemoryDiagnoser.Default)
                .AddColumnProvider(DefaultColumnProviders.Instance)
                .AddLogger(NullLogger.Instance)
                .WithArtifactsPath(artifacts)
                .WithOptions(ConfigOptions.DisableLogFile);
            Summary summary = BenchmarkRunner.Run<StageBenchmarks>(config);
            if (summary.HasCriticalValidationErrors || summary.Reports.Length == 0 || summary.Reports.Any(report => !report.Success))
                throw new InvalidOperationException($"BenchmarkDotNet failed: {string.Join(" ", summary.ValidationErrors.Select(error => error.Message))}");

            return summary.Reports.ToDictionary(
                report => ((string)report.BenchmarkCase.Parameters[nameof(StageBenchmarks.Stage)], report.BenchmarkCase.Descriptor.WorkloadMethod.Name),
                report => report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0);
        }
        finally
        {
            if (Directory.Exists(artifacts))
                Directory.Delete(artifacts, recursive: true);
        }
    }
}
