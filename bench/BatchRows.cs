namespace StableDiffusion.Benchmarks;

/// <summary>Batches: what a row costs whose image is there, the rate of many prompts beside that of one image, and that of two workers.</summary>
internal static class BatchRows
{
    private const int Finished = 10_000;
    private const double HighestOfRow = 2;
    private const int Prompts = 64;
    private const int Rounds = 5;
    private const int JobRounds = 2;
    private const double LowestRate = 0.97;

    public static IEnumerable<Row> Measure()
    {
        string folder = Directory.CreateTempSubdirectory("sd-bench-").FullName;
        try
        {
            return [MeasureFinished(folder), MeasureRate(folder), MeasureWorkers(folder)];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One image is copied, so that each row has a file of its own with the very settings of the row.</summary>
    private static Row MeasureFinished(string folder)
    {
        string images = Path.Combine(folder, "finished");
        ChildProcess run = PowerShellHost.Run(
            $"{PowerShellHost.Import}$null = New-DiffusionImage '{DemoModel.Prompt}' -Steps 1 -Seed 1 -OutFile '{images}/0.png'; Clear-DiffusionCache; $bytes = [IO.File]::ReadAllBytes('{images}/0.png'); " +
            $"$rows = foreach ($i in 0..{Finished - 1}) {{ [IO.File]::WriteAllBytes(\"{images}/$i.png\", $bytes); [pscustomobject]@{{ Prompt = '{DemoModel.Prompt}'; Steps = '1'; Seed = '1'; OutFile = \"$i.png\" }} }}; " +
            $"$opened = 0; $before = [Environment]::CpuUsage.TotalTime; $watch = [Diagnostics.Stopwatch]::StartNew(); " +
            $"$count = @($rows | New-DiffusionImage -OutDirectory '{images}' -Resume -Verbose 4>&1 | ForEach-Object {{ if ($_ -like 'Opening*') {{ $opened++ }} elseif ($_.IsUnchanged) {{ 1 }} }}).Count; " +
            $"'row {{0}}' -f ($watch.Elapsed.TotalMilliseconds / {Finished}); 'cpu {{0}}' -f (([Environment]::CpuUsage.TotalTime - $before).TotalMilliseconds / {Finished}); \"unchanged $count\"; \"opened $opened\"; ");
        double row = run.Numbers("row")[0], processor = run.Numbers("cpu")[0];
        return new Row($"row of {Finished} whose image is there, -Resume", $"{row:F2} ms")
        {
            Beside = $"{run.Numbers("unchanged")[0]} unchanged, {run.Numbers("opened")[0]} parts of models opened",
            Processor = $"{processor:F2} ms",
            Goal = $"at most {HighestOfRow} ms",
            IsMet = (Machine.IsBusy ? processor : row) <= HighestOfRow && run.Numbers("unchanged")[0] == Finished && run.Numbers("opened")[0] == 0,
        };
    }

    /// <summary>Both make the same images in one process, in turns. Only those of the pipeline are written to files and to a journal.</summary>
    private static Row MeasureRate(string folder)
    {
        string images = Path.Combine(folder, "rate");
        ChildProcess run = PowerShellHost.Run(
            $"{PowerShellHost.Import}$prompts = 1..{Prompts} | ForEach-Object {{ \"{DemoModel.Prompt} $_\" }}; " +
            $"function Measure-Work([string] $Name, [scriptblock] $Work) {{ $before = [Environment]::CpuUsage.TotalTime; $watch = [Diagnostics.Stopwatch]::StartNew(); & $Work; \"$Name $($watch.Elapsed.TotalMilliseconds)\"; \"$Name-cpu $(([Environment]::CpuUsage.TotalTime - $before).TotalMilliseconds)\" }}; " +
            $"$one = {{ foreach ($prompt in $prompts) {{ $null = New-DiffusionImage $prompt -Seed 1 }} }}; $piped = {{ $null = $prompts | New-DiffusionImage -Seed 1 -OutDirectory '{images}' -FileName '{{prompt:60}}-{{hash:8}}' -Force -Journal '{folder}/made.jsonl' }}; " +
            $"& $piped; & $one; foreach ($round in 1..{Rounds}) {{ Measure-Work one $one; Measure-Work piped $piped }}; ");
        double rate = Statistics.Median([.. run.Numbers("one").Zip(run.Numbers("piped"), static (one, piped) => one / piped)]);
        double processor = run.Numbers("one-cpu").Sum() / run.Numbers("piped-cpu").Sum();
        return new Row($"{Prompts} prompts in one pipeline, with files and a journal", $"{Statistics.Median(run.Numbers("piped")) / Prompts:F1} ms an image")
        {
            Beside = $"{Statistics.Median(run.Numbers("one")) / Prompts:F1} ms, each by a command of its own without a file",
            Compared = $"{rate:F3} of the rate ({Rounds} pairs)",
            Processor = $"{processor:F3}",
            Goal = $"at least {LowestRate}",
            IsMet = (Machine.IsBusy ? processor : rate) >= LowestRate,
        };
    }

    /// <summary>The same prompts as a job of one and of two local workers, in turns, from the command to the last file: with the start of their processes.</summary>
    private static Row MeasureWorkers(string folder)
    {
        string jobs = Path.Combine(folder, "jobs");
        ChildProcess run = PowerShellHost.Run(
            $"{PowerShellHost.Import}$rows = 1..{Prompts} | ForEach-Object {{ [pscustomobject]@{{ Prompt = \"{DemoModel.Prompt} $_\"; Seed = 1 }} }}; " +
            $"foreach ($round in 1..{JobRounds}) {{ foreach ($workers in 1, 2) {{ $out = \"{jobs}$round-$workers\"; $begun = [DateTime]::UtcNow; " +
            "$null = $rows | Submit-DiffusionJob -OutDirectory $out -Local -Workers $workers | Wait-DiffusionJob; " +
            "$files = Get-ChildItem $out/*.png; if ($files.Count -ne $rows.Count) { throw \"There are $($files.Count) images in $out.\" }; " +
            "\"by$workers $((($files.LastWriteTimeUtc | Measure-Object -Maximum).Maximum - $begun).TotalMilliseconds)\" } }; ");
        double one = Statistics.Median(run.Numbers("by1")), two = Statistics.Median(run.Numbers("by2"));
        return new Row($"{Prompts} prompts by two local workers", $"{two / Prompts:F1} ms an image")
        {
            Beside = $"{one / Prompts:F1} ms by one worker, with the start of the processes",
            Compared = $"{one / two:F2} of the rate of one worker ({JobRounds} pairs)",
        };
    }
}
