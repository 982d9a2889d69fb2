using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace StableDiffusion.Batches.Jobs;

/// <summary>The commands of Slurm. Source: the manual pages sbatch(1), squeue(1) and scancel(1) of Slurm 22.05.</summary>
internal static class Slurm
{
    private const int LongestWords = 1000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_shortPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    // squeue lists no job that has ended. A job in one of these has a process, or gets or ends it now.
    private static readonly HashSet<string> s_working = new(StringComparer.Ordinal) { "RUNNING", "COMPLETING", "CONFIGURING", "SIGNALING", "STAGE_OUT", "SUSPENDED", "RESIZING" };

    /// <summary>Submits a job script.</summary>
    /// <param name="folder">The full path of its folder, in which the job runs.</param>
    /// <param name="script">The name of the script.</param>
    /// <param name="cancellationToken">Cancels the waiting for the answer.</param>
    /// <returns>The number of the job.</returns>
    /// <exception cref="JobControlException">There is no Slurm here, or it refuses the job; the message has its own words.</exception>
    public static string Submit(string folder, string script, CancellationToken cancellationToken)
    {
        Answer answer = Run("sbatch", ["--parsable", script], folder, s_patience, cancellationToken)
            ?? throw new JobControlException("The command sbatch was not found, or did not answer. Submit the job on a computer of a Slurm cluster, or run its workers on this one with Local.");
        string id = answer.Output.Trim().Split(';')[0];
        return answer.Code == 0 && JobRecord.IsSlurmId(id)
            ? id
            : throw new JobControlException($"Slurm did not take the job: {Words(answer)}");
    }

    /// <summary>What Slurm does with jobs now.</summary>
    /// <param name="ids">The numbers of the jobs.</param>
    /// <param name="cancellationToken">Cancels the waiting for the answer.</param>
    /// <returns>Whether each has a task at work, and one that waits; a job that is not listed has ended. Null if Slurm cannot be asked.</returns>
    public static IReadOnlyDictionary<string, (bool IsWorking, bool IsWaiting)>? Query(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        Dictionary<string, (bool IsWorking, bool IsWaiting)> states = new(StringComparer.Ordinal);
        if (ids.Count == 0)
            return states;
        Answer? answer = Run("squeue", ["--noheader", "--format=%F %T", $"--jobs={string.Join(',', ids)}"], folder: null, s_shortPatience, cancellationToken);

        // It forgets jobs some minutes after their end.
        if (answer is { Code: not 0 } && answer.Errors.Contains("Invalid job id", StringComparison.Ordinal))
            return states;
        if (answer is not { Code: 0 })
            return null;
        foreach (string line in answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [string id, string state])
                continue;
            (bool isWorking, bool isWaiting) = states.GetValueOrDefault(id);
            states[id] = s_working.Contains(state) ? (true, isWaiting) : (isWorking, true);
        }

        return states;
    }

    /// <summary>Ends a job: tasks that wait are taken back, those at work are asked to end, and are ended after a while.</summary>
    /// <param name="id">The number of the job.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="JobControlException">Slurm cannot be asked, or refuses; the message has its own words.</exception>
    public static void Stop(string id, TimeSpan patience, CancellationToken cancellationToken)
    {
        Cancel(["--state=PENDING", id], cancellationToken);

        // Only the shell of the job script gets it, which passes it on.
        Cancel(["--batch", "--signal=TERM", id], cancellationToken);
        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < patience;)
        {
            if (Query([id], cancellationToken) is { } states && !states.GetValueOrDefault(id).IsWorking)
                break;
            cancellationToken.WaitHandle.WaitOne(s_poll);
            cancellationToken.ThrowIfCancellationRequested();
        }

        Answer? last = Cancel([id], cancellationToken);
        if (last is null)
            throw new JobControlException("The command scancel was not found, or did not answer. Stop the job on a computer of the cluster.");
        if (last.Code != 0 && !last.Errors.Contains("Invalid job id", StringComparison.Ordinal) && !last.Errors.Contains("already comp", StringComparison.Ordinal))
            throw new JobControlException($"Slurm did not stop the job {id}: {Words(last)}");
    }

    /// <summary>Takes back a job that was just submitted, as far as that is possible.</summary>
    /// <param name="id">The number of the job; null or <see cref="JobRecord.NoSlurmId"/> for none.</param>
    public static void TryCancel(string? id)
    {
        if (id is not (null or JobRecord.NoSlurmId))
            Cancel([id], CancellationToken.None);
    }

    private static Answer? Cancel(IReadOnlyList<string> arguments, CancellationToken cancellationToken) => Run("scancel", arguments, folder: null, s_patience, cancellationToken);

    private static string Words(Answer answer)
    {
        string words = answer.Errors.Trim() is { Length: > 0 } errors ? errors : answer.Output.Trim();
        return words.Length == 0 ? $"exit code {answer.Code}, without a message." : PrintableText.Of(string.Join(' ', words.Split('\n', StringSplitOptions.TrimEntries)), LongestWords);
    }

    /// <returns>The answer; null if there is no such command, or none came.</returns>
    private static Answer? Run(string command, IEnumerable<string> arguments, string? folder, TimeSpan patience, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(command, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = folder ?? string.Empty,
            CreateNoWindow = true,
        };
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(patience);
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(end.Token), errors = process.StandardError.ReadToEndAsync(end.Token);
            try
            {
                Task.WhenAll(output, errors, process.WaitForExitAsync(end.Token)).GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                if (!process.HasExited)
                    process.Kill();
                cancellationToken.ThrowIfCancellationRequested();
                return null;
            }

            return new Answer(process.ExitCode, output.Result, errors.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private sealed record Answer(int Code, string Output, string Errors);
}
