using System.Diagnostics;

namespace StableDiffusion.Fuzz;

/// <summary>Runs targets for a time in child processes, several at once, and sees when a case ends or blocks one.</summary>
/// <param name="options">What to run.</param>
internal sealed class LongRun(FuzzOptions options)
{
    // Without processor time: a reader that waits for something.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(200);

    // Beside the case, a process has the runtime, the corpus and the libraries.
    private const long MaxWorkingSet = CaseRunner.MaxMemory + (256L << 20);

    /// <summary>Runs the targets.</summary>
    /// <returns>A report of each, in their order.</returns>
    public IReadOnlyList<TargetReport> Run()
    {
        Directory.CreateDirectory(CaseFiles.Found);
        TargetReport[] reports = [.. options.Targets.Select(static target => new TargetReport(target.Name))];
        Parallel.For(0, reports.Length, new ParallelOptions { MaxDegreeOfParallelism = options.Jobs }, i =>
        {
            Run(options.Targets[i], reports[i]);
            Console.Error.WriteLine($"{reports[i].Target}: {reports[i].Cases} cases, {reports[i].Faults.Values.Sum()} faults");
        });
        return reports;
    }

    private void Run(FuzzTarget target, TargetReport report)
    {
        string path = Path.Combine(CaseFiles.Found, $"{target.Name}.{Environment.ProcessId}.state");
        try
        {
            using WorkerState state = new(path);
            long start = Stopwatch.GetTimestamp();
            for (TimeSpan left = options.Time; left > TimeSpan.Zero; left = options.Time - Stopwatch.GetElapsedTime(start))
            {
                if (Watch(target, state, path, left, report) is not (CaseKind kind, string errors))
                    break;

                byte[] data = target.Create(options.Seed, state.Index);
                CaseResult result = new(kind, $"Case {state.Index} of seed {options.Seed}, {data.Length} bytes. {errors}", kind.ToString());
                report.Add(kind, result.Site, CaseFiles.Save(target, options.Seed, data, result));
                state.Index++;
            }

            (report.Accepted, report.Refused, report.Slowest) = (state.Accepted, state.Refused, state.Slowest);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Runs a worker to its end.</summary>
    /// <returns>How its last case ended it, and what it said then; null if it ended by itself.</returns>
    private (CaseKind Kind, string Errors)? Watch(FuzzTarget target, WorkerState state, string path, TimeSpan time, TargetReport report)
    {
        using Process process = Start(Worker.Arguments(target, options.Seed, time, path));
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task output = Task.Run(() => Read(process.StandardOutput, report));
        long index = -1;
        long since = 0;
        TimeSpan spent = default;
        CaseKind? ended = null;
        while (!process.WaitForExit(s_poll))
        {
            process.Refresh();
            try
            {
                report.PeakMemory = Math.Max(report.PeakMemory, process.PeakWorkingSet64);
                if (state.Index != index)
                    (index, since, spent) = (state.Index, Stopwatch.GetTimestamp(), process.TotalProcessorTime);
                else if (process.TotalProcessorTime - spent > 2 * Worker.MaxTime || Stopwatch.GetElapsedTime(since) > s_longestWait)
                    ended = CaseKind.Hang;
                if (process.WorkingSet64 > MaxWorkingSet)
                    ended = CaseKind.Memory;
            }
            catch (InvalidOperationException)
            {
                // It has just ended.
            }

            if (ended is not null)
                process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        Task.WaitAll(errors, output);
        if (ended is null && process.ExitCode != 0)
            ended = CaseKind.Crash;
        return ended is CaseKind kind ? (kind, errors.Result) : null;
    }

    private static void Read(StreamReader output, TargetReport report)
    {
        while (output.ReadLine() is string line)
        {
            if (line.Split('\t') is [Worker.FaultWord, string kind, string site, string path])
                report.Add(Enum.Parse<CaseKind>(kind), site, path);
        }
    }

    private static Process Start(string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] whole = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(LongRun).Assembly.Location, .. arguments] : arguments;
        ProcessStartInfo info = new(program, whole) { RedirectStandardOutput = true, RedirectStandardError = true };

        // A tensor of a graph may be larger than what a case may take here.
        info.Environment["STABLEDIFFUSION_MAX_GRAPH_MB"] = "200";
        return Process.Start(info)!;
    }
}
