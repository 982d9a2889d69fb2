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
            : throw new JobControlException($"Slurm did not take the job: {Words(answer).TrimEnd('.')}. If this computer belongs to no cluster, run the workers here, with Local.");
    }

    /// <summary>What Slurm does now with some jobs, and with those of this user.</summary>
    /// <param name="ids">The numbers of the jobs.</param>
    /// <param name="cancellationToken">Cancels the waiting for the answer.</param>
    /// <returns>The jobs in its queue; one that is not listed has ended. Null if Slurm cannot be asked.</returns>
    public static IReadOnlyList<SlurmRun>? Query(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        if (ids.Count == 0)
            return [];
        Answer? named = List($"--jobs={string.Join(',', ids)}"), own = List($"--user={Environment.UserName}");

        // It forgets jobs some minutes after their end.
        bool isForgotten = named is { Code: not 0 } && named.Errors.Contains("Invalid job id", StringComparison.Ordinal);
        if (named is not { Code: 0 } && !isForgotten)
            return null;
        Dictionary<string, SlurmRun> runs = new(StringComparer.Ordinal);
        foreach (string line in $"{(isForgotten ? null : named!.Output)}\n{(own?.Code == 0 ? own.Output : null)}".Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ', 3) is [string id, string state, string folder])
                runs[id] = new SlurmRun(id, folder, s_working.Contains(state) || runs.GetValueOrDefault(id)?.IsWorking == true);
        }

        return [.. runs.Values];

        Answer? List(string which) => Run("squeue", ["--noheader", "--format=%F %T %Z", which], folder: null, s_shortPatience, cancellationToken);
    }

    /// <summary>Ends a job: tasks that wait are taken back, those at work are asked to end, and are ended after a while.</summary>
    /// <param name="folder">The folder of the job, which is marked as stopped. Only what Slurm knows as submitted in it is ended.</param>
    /// <param name="record">Its record, which others can have changed.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="JobControlException">Slurm cannot be asked, or refuses; the message has its own words. Or the record names a job of another folder.</exception>
    /// <exception cref="OutputWriteException">The folder cannot be written to.</exception>
    public static void Stop(JobFolder folder, JobRecord record, TimeSpan patience, CancellationToken cancellationToken)
    {
        IReadOnlyList<SlurmRun> queue = Query([record.SlurmId!], cancellationToken)
            ?? throw new JobControlException("The command squeue was not found, or did not answer. Stop the job on a computer of the cluster.");
        string[] ids = [.. queue.Where(run => run.IsOf(folder)).Select(static run => run.Id)];
        if (queue.FirstOrDefault(run => run.Id == record.SlurmId) is SlurmRun other && !other.IsOf(folder))
            throw new JobControlException($"The record of the job '{folder.Name}' names the job {other.Id} of Slurm, which was submitted in another folder, '{PrintableText.Of(other.Folder, LongestWords)}'. The record was changed, or copied. Nothing was stopped; see squeue for the jobs, and end them with scancel.");
        folder.MarkStopped(ids.Prepend(record.SlurmId!).Distinct());
        if (ids.Length == 0)
            return;
        Cancel(["--state=PENDING", .. ids], cancellationToken);

        // Only the shell of the job script gets it, which passes it on.
        Cancel(["--batch", "--signal=TERM", .. ids], cancellationToken);
        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < patience;)
        {
            if (Query(ids, cancellationToken) is { } left && !left.Any(run => run.IsWorking && ids.Contains(run.Id)))
                break;
            cancellationToken.WaitHandle.WaitOne(s_poll);
            cancellationToken.ThrowIfCancellationRequested();
        }

        Answer? last = Cancel(ids, cancellationToken);
        if (last is null)
            throw new JobControlException("The command scancel was not found, or did not answer. Stop the job on a computer of the cluster.");
        if (last.Code != 0 && !last.Errors.Contains("Invalid job id", StringComparison.Ordinal) && !last.Errors.Contains("already comp", StringComparison.Ordinal))
            throw new JobControlException($"Slurm did not stop the job {string.Join(", ", ids)}: {Words(last)}");
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
