using System.Globalization;
using System.Text.RegularExpressions;
using StableDiffusion.Storage;

namespace StableDiffusion.Benchmarks;

/// <summary>The module in new processes: importing it, the first and the second picture, and memory over many pictures.</summary>
internal static partial class ProcessRows
{
    private const double HighestImportMilliseconds = 300;
    private const double HighestExtraMilliseconds = 500;
    private const double HighestGrowth = 1.03;
    private const int Pictures = 50;
    private const int Rounds = 5;
    private const int ImportRounds = 9;

    /// <summary>Says how many native libraries of the module the process has loaded: all of them lie below this folder.</summary>
    private static readonly string s_countNatives =
        $"'natives {{0}}' -f @([Diagnostics.Process]::GetCurrentProcess().Modules.FileName -like '{Path.Combine(DemoModel.Module, "engine", "runtimes")}*').Count; ";

    public static IEnumerable<Row> Measure()
    {
        string folder = Directory.CreateTempSubdirectory("sd-bench-").FullName;
        try
        {
            return
            [
                MeasureImport(),
                MeasureNatives(),
                MeasureNewProcess(Path.Combine(folder, "picture.png")),
                .. MeasurePictures(folder),
                MeasureMemory("peak memory", tieredCompilation: true),
                MeasureMemory("peak memory without tiered compilation", tieredCompilation: false),
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Row MeasureImport()
    {
        Interleaved times = Interleaved.Run(
            ImportRounds,
            () => PowerShellHost.Run(PowerShellHost.Import).Cost,
            () => PowerShellHost.Run(string.Empty).Cost);
        double import = times.Difference(0, 1);
        double processor = times.ProcessorDifference(0, 1);
        return new Row("pwsh: start with Import-Module", $"{times.Median(0):F0} ms")
        {
            Beside = $"{times.Median(1):F0} ms, start alone",
            Compared = $"{import:+0;-0} ms ({times.Rounds} pairs)",
            Processor = $"{processor:+0;-0} ms",
            Goal = $"under +{HighestImportMilliseconds} ms",
            IsMet = (Machine.IsBusy ? processor : import) < HighestImportMilliseconds,
        };
    }

    private static Row MeasureNatives()
    {
        ChildProcess run = PowerShellHost.Run(
            $"{PowerShellHost.Import}{s_countNatives}$null = New-DiffusionImage '{DemoModel.Prompt}' -Steps 1; {s_countNatives}");
        int[] counts = [.. run.Numbers("natives").Select(count => (int)count)];
        return new Row("native libraries loaded by Import-Module", $"{counts[0]}")
        {
            Beside = $"{counts[1]}, after a picture",
            Goal = "0, then some",
            IsMet = counts[0] == 0 && counts[1] > 0,
        };
    }

    /// <summary>From the start of a process to its end, with one picture made and written between.</summary>
    private static Row MeasureNewProcess(string file)
    {
        Interleaved times = Interleaved.Run(
            Rounds,
            () => ChildProcess.Run(ChildProcess.DotNet, [typeof(Program).Assembly.Location, ConsoleImage.Option, file]).Cost,
            () => PowerShellHost.Run(PowerShellHost.Import + Make(file)).Cost);
        double extra = times.Difference(1, 0);
        double processor = times.ProcessorDifference(1, 0);
        return new Row("pwsh: new process to PNG", $"{times.Median(1):F0} ms")
        {
            Beside = $"{times.Median(0):F0} ms, C# console program",
            Compared = $"{extra:+0;-0} ms ({times.Rounds} pairs)",
            Processor = $"{processor:+0;-0} ms",
            Goal = $"at most +{HighestExtraMilliseconds} ms",
            IsMet = (Machine.IsBusy ? processor : extra) <= HighestExtraMilliseconds,
        };
    }

    private static IEnumerable<Row> MeasurePictures(string folder)
    {
        string timed = $"$watch = [Diagnostics.Stopwatch]::StartNew(); {Make(Path.Combine(folder, "picture.png"), "-Verbose")}'picture {{0}}' -f [int]$watch.Elapsed.TotalMilliseconds; ";
        List<ChildProcess> warm = [];
        List<ChildProcess> cold = [];
        for (int round = 0; round < Rounds; round++)
        {
            warm.Add(PowerShellHost.Run(PowerShellHost.Import + timed + timed));
            cold.Add(PowerShellHost.Run(PowerShellHost.Import + timed, (StorageFolders.CacheVariable, Path.Combine(folder, $"graphs-{round}"))));
        }

        double[][] pictures = [.. warm.Select(shell => shell.Numbers("picture"))];
        double[] building = [.. cold.Select(shell => shell.Numbers("picture")[0])];
        double first = Statistics.Median([.. pictures.Select(pair => pair[0])]);
        yield return new Row("first picture in a process", $"{first:F0} ms")
        {
            Beside = $"{Statistics.Median([.. pictures.Select(pair => pair[1])]):F0} ms, second picture",
            Compared = $"{Statistics.Median([.. pictures.Select(pair => pair[0] / pair[1])]):F2} x",
        };
        yield return new Row("first picture ever, which builds the graphs", $"{Statistics.Median(building):F0} ms")
        {
            Beside = $"{first:F0} ms, first picture in a process",
            Compared = $"{Statistics.Median([.. building.Zip(pictures, (mine, its) => mine - its[0])]):+0;-0} ms",
        };
        foreach (Row row in StageTimes(warm))
            yield return row;
    }

    private static string Make(string file, string options = "") =>
        $"$null = New-DiffusionImage '{DemoModel.Prompt}' -Seed {DemoModel.Seed} -OutFile '{file}' -Force {options}; ";

    /// <summary>What the verbose messages tell: the first time of each stage, and the second where there is one.</summary>
    private static IEnumerable<Row> StageTimes(IReadOnlyList<ChildProcess> shells)
    {
        Dictionary<string, List<double>>[] runs = [.. shells.Select(shell => ReadStages(shell.Output))];
        foreach (string stage in runs[0].Keys)
        {
            double[] first = [.. runs.Select(run => run[stage][0])];
            double[] second = [.. runs.Select(run => run[stage]).Where(all => all.Count > 1).Select(all => all[1])];
            yield return new Row($"first picture: {stage}", $"{Statistics.Median(first):F0} ms")
            {
                Beside = second.Length > 0 ? $"{Statistics.Median(second):F0} ms, second picture" : "not in the second picture",
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

    /// <param name="name">The name of the row.</param>
    /// <param name="tieredCompilation">
    /// False compiles all code once and for good, so that only what the pictures leave behind can grow: .NET compiles hot
    /// code anew for some hundred pictures, which takes memory too.
    /// </param>
    private static Row MeasureMemory(string name, bool tieredCompilation)
    {
        int[] marks = [1, 2, 10, Pictures];
        ChildProcess run = PowerShellHost.Run(
            $"{PowerShellHost.Import}foreach ($i in 1..{Pictures}) {{ $null = New-DiffusionImage '{DemoModel.Prompt}' -Seed $i; " +
            $"if ($i -in {string.Join(',', marks)}) {{ 'peak {{0}}' -f [Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 }} }}",
            ("DOTNET_TieredCompilation", tieredCompilation ? "1" : "0"));
        double[] peaks = [.. run.Numbers("peak").Select(bytes => bytes / (1 << 20))];
        double growth = peaks[^1] / peaks[1];
        return new Row($"{name}, after {string.Join(", ", marks)} pictures", $"{string.Join(", ", peaks.Select(peak => $"{peak:F0}"))} MiB")
        {
            Compared = $"{growth:F3} x (picture {Pictures} to picture 2)",
            Goal = $"at most {HighestGrowth} x",
            IsMet = growth <= HighestGrowth,
        };
    }

    [GeneratedRegex(@"^VERBOSE: (?<stage>[^:]+): (?<time>[\d,]+) ms\.$")]
    private static partial Regex StageLine();
}
