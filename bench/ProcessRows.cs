using System.Globalization;
using System.Text.RegularExpressions;
using StableDiffusion.Models;

namespace StableDiffusion.Benchmarks;

/// <summary>The module in new processes: importing it, the first and the second picture, and memory over many pictures.</summary>
internal static partial class ProcessRows
{
    private const double HighestImportMilliseconds = 300;
    private const double HighestExtraMilliseconds = 500;
    private const double HighestGrowth = 1.03;
    private const int Pictures = 50;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>Says how many native libraries of the module the process has loaded: all of them lie below this folder.</summary>
    private static readonly string s_countNatives =
        $"'natives {{0}}' -f @([Diagnostics.Process]::GetCurrentProcess().Modules.FileName -like '{Path.Combine(DemoModel.Module, "engine", "runtimes")}*').Count; ";

    public static IEnumerable<Row> Measure()
    {
        string folder = Directory.CreateTempSubdirectory("sd-bench-").FullName;
        try
        {
            return [.. PowerShellHost.All.Select(MeasureImport), MeasureNatives(), .. MeasurePictures(folder), MeasureMemory()];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Row MeasureImport(PowerShellHost host)
    {
        Interleaved times = Interleaved.Run(
            s_limit,
            () => host.Run(PowerShellHost.Import).Milliseconds,
            () => host.Run("1").Milliseconds);
        double import = times.Difference(0, 1);
        return new Row($"{host.Name}: start with Import-Module", $"{times.Median(0):F0} ms")
        {
            Beside = $"{times.Median(1):F0} ms, start alone",
            Compared = $"+{import:F0} ms ({times.Rounds} pairs)",
            Goal = $"under +{HighestImportMilliseconds} ms",
            IsMet = import < HighestImportMilliseconds,
        };
    }

    private static Row MeasureNatives()
    {
        ChildProcess run = PowerShellHost.SdShell.Run(
            $"{PowerShellHost.Import}{s_countNatives}$null = New-DiffusionImage '{DemoModel.Prompt}' -Steps 1; {s_countNatives}");
        int[] counts = [.. Numbers(run.Output, "natives").Select(count => (int)count)];
        return new Row("native libraries loaded by Import-Module", $"{counts[0]}")
        {
            Beside = $"{counts[1]}, after a picture",
            Goal = "0, then some",
            IsMet = counts[0] == 0 && counts[1] > 0,
        };
    }

    private static IEnumerable<Row> MeasurePictures(string folder)
    {
        string file = Path.Combine(folder, "picture.png");
        string make = $"$null = New-DiffusionImage '{DemoModel.Prompt}' -Seed {DemoModel.Seed} -OutFile '{file}' -Force -Verbose; ";
        string takeTime = "$watch = [Diagnostics.Stopwatch]::StartNew(); ";
        string tellTime = "'picture {0}' -f [int]$watch.Elapsed.TotalMilliseconds; ";
        string two = $"{PowerShellHost.Import}{takeTime}{make}{tellTime}$watch.Restart(); {make}{tellTime}";

        List<ChildProcess> shells = [];
        Interleaved times = Interleaved.Run(
            s_limit,
            () => PowerShellHost.SdShell.Run(PowerShellHost.Import + make).Milliseconds,
            () => ChildProcess.Run(ChildProcess.DotNet, [typeof(Program).Assembly.Location, ConsoleImage.Option, file]).Milliseconds,
            () =>
            {
                shells.Add(PowerShellHost.SdShell.Run(two));
                return shells[^1].Milliseconds;
            });
        double extra = times.Difference(0, 1);
        yield return new Row("new process to PNG: SdShell", $"{times.Median(0):F0} ms")
        {
            Beside = $"{times.Median(1):F0} ms, console program",
            Compared = $"+{extra:F0} ms ({times.Rounds} pairs)",
            Goal = $"at most +{HighestExtraMilliseconds} ms",
            IsMet = extra <= HighestExtraMilliseconds,
        };

        double[][] pictures = [.. shells.Select(shell => Numbers(shell.Output, "picture"))];
        yield return new Row("first picture", $"{Statistics.Median([.. pictures.Select(pair => pair[0])]):F0} ms")
        {
            Beside = $"{Statistics.Median([.. pictures.Select(pair => pair[1])]):F0} ms, second picture",
            Compared = $"{Statistics.Median([.. pictures.Select(pair => pair[0] / pair[1])]):F2} x",
        };
        foreach (Row row in StageTimes(shells))
            yield return row;

        double[] cold =
        [
            .. Enumerable.Range(0, 3).Select(index => Numbers(
                PowerShellHost.SdShell.Run(
                    $"{PowerShellHost.Import}{takeTime}{make}{tellTime}", (StorageFolders.CacheVariable, Path.Combine(folder, $"graphs-{index}"))).Output,
                "picture")[0]),
        ];
        yield return new Row("first picture ever, which builds the graphs", $"{Statistics.Median(cold):F0} ms");
    }

    /// <summary>What the verbose messages tell: the first time of each stage, and the second where there is one.</summary>
    private static IEnumerable<Row> StageTimes(IReadOnlyList<ChildProcess> shells)
    {
        Dictionary<string, List<double>>[] runs = [.. shells.Select(shell => ReadStages(shell.Errors))];
        foreach (string stage in runs[0].Keys)
        {
            double[] first = [.. runs.Select(run => run[stage][0])];
            double[] second = [.. runs.Select(run => run[stage]).Where(all => all.Count > 1).Select(all => all[1])];
            yield return new Row($"of that: {stage}", $"{Statistics.Median(first):F0} ms")
            {
                Beside = second.Length > 0 ? $"{Statistics.Median(second):F0} ms" : "not again",
            };
        }
    }

    private static Dictionary<string, List<double>> ReadStages(IEnumerable<string> lines)
    {
        Dictionary<string, List<double>> stages = new(StringComparer.Ordinal);
        foreach (string line in lines)
        {
            Match match = StageLine().Match(line);
            if (!match.Success)
                continue;

            // A file's name says nothing here.
            string stage = match.Groups["stage"].Value.Split(" '")[0];
            if (!stages.TryGetValue(stage, out List<double>? times))
                stages.Add(stage, times = []);
            times.Add(double.Parse(match.Groups["time"].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
        }

        return stages;
    }

    private static Row MeasureMemory()
    {
        int[] marks = [1, 2, 10, Pictures];
        ChildProcess run = PowerShellHost.SdShell.Run(
            $"{PowerShellHost.Import}foreach ($i in 1..{Pictures}) {{ $null = New-DiffusionImage '{DemoModel.Prompt}' -Seed $i; " +
            $"if ($i -in {string.Join(',', marks)}) {{ 'peak {{0}}' -f [Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 }} }}");
        double[] peaks = [.. Numbers(run.Output, "peak").Select(bytes => bytes / (1 << 20))];
        double growth = peaks[^1] / peaks[1];
        return new Row($"peak memory after {string.Join(", ", marks)} pictures", $"{string.Join(", ", peaks.Select(peak => $"{peak:F0}"))} MiB")
        {
            Compared = $"{growth:F3} x (picture {Pictures} to picture 2)",
            Goal = $"at most {HighestGrowth} x",
            IsMet = growth <= HighestGrowth,
        };
    }

    /// <summary>The numbers of the lines that begin with a word.</summary>
    private static double[] Numbers(IEnumerable<string> lines, string word) =>
    [
        .. lines
            .Where(line => line.StartsWith(word + " ", StringComparison.Ordinal))
            .Select(line => double.Parse(line.AsSpan(word.Length + 1), CultureInfo.InvariantCulture)),
    ];

    [GeneratedRegex(@"^VERBOSE: (?<stage>[^:]+): (?<time>[\d,]+) ms\.$")]
    private static partial Regex StageLine();
}
