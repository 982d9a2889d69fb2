using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Jobs;

/// <summary>The processes of this computer that work on a job, and the one that starts them.</summary>
internal static partial class LocalWorkers
{
    private const int Terminate = 15;
    private const string SupervisorFile = "supervisor.json";

    // A session of its own, so that neither the end of the terminal nor Ctrl+C reaches it. macOS has no setsid.
    private const string Detach = """
        if command -v setsid > /dev/null 2>&1; then
            setsid "$@" < /dev/null >> logs/supervisor.log 2>&1 &
        else
            nohup "$@" < /dev/null >> logs/supervisor.log 2>&1 &
        fi
        echo $!
        """;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(200);

    /// <summary>Starts the process that starts the workers; it lives on when this one ends.</summary>
    /// <param name="folder">The folder of the job.</param>
    /// <param name="command">The command with its arguments.</param>
    /// <exception cref="JobControlException">It cannot be started.</exception>
    public static void Start(JobFolder folder, IReadOnlyList<string> command)
    {
        ProcessStartInfo start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo(command[0], command.Skip(1)) { CreateNoWindow = true }
            : new ProcessStartInfo("/bin/sh", ["-c", Detach, "sh", .. command]) { RedirectStandardOutput = true };
        start.WorkingDirectory = folder.Path;
        try
        {
            using Process process = Process.Start(start)!;
            int id = process.Id;
            if (!OperatingSystem.IsWindows())
            {
                string text = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                id = int.Parse(text, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
            }

            WorkerRecord.Of(id)?.Write(Path.Combine(folder.Workers, SupervisorFile));
        }
        catch (Exception error) when (error is Win32Exception or FormatException or OverflowException)
        {
            throw new JobControlException($"The workers cannot be started: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Whether a process of the job is alive; null if they are of another computer.</summary>
    /// <param name="folder">The folder of the job.</param>
    public static bool? AreAlive(JobFolder folder)
    {
        WorkerRecord[] workers = [.. WorkerRecord.ReadAll(folder.Workers)];
        if (Array.Exists(workers, static worker => worker.IsAlive()))
            return true;
        return Array.Exists(workers, static worker => !worker.IsHere) ? null : false;
    }

    /// <summary>Asks all processes of the job to end, waits for them, and kills those that do not.</summary>
    /// <param name="folder">The folder of the job, which is marked as stopped.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="OutputWriteException">The folder cannot be written to.</exception>
    public static void Stop(JobFolder folder, TimeSpan patience, CancellationToken cancellationToken)
    {
        folder.MarkStopped([JobFolder.LocalRun]);

        // Windows has no signal that a process could answer.
        foreach (WorkerRecord worker in WorkerRecord.ReadAll(folder.Workers).Where(worker => worker.IsAlive() && IsOf(worker, folder)))
        {
            if (!OperatingSystem.IsWindows())
                _ = Kill(worker.ProcessId, Terminate);
            else
                End(worker);
        }

        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < patience;)
        {
            if (AreAlive(folder) != true)
                return;
            cancellationToken.WaitHandle.WaitOne(s_poll);
            cancellationToken.ThrowIfCancellationRequested();
        }

        foreach (WorkerRecord worker in WorkerRecord.ReadAll(folder.Workers).Where(worker => IsOf(worker, folder)))
            End(worker);
    }

    // Others who can write to the folder could name any process.
    private static bool IsOf(WorkerRecord worker, JobFolder folder) =>
        RunningProcess.Concerns(worker.ProcessId, Path.Combine(Path.GetFileName(Path.GetDirectoryName(folder.Path))!, Path.GetFileName(folder.Path)));

    private static void End(WorkerRecord worker)
    {
        using Process? process = worker.Find();
        try
        {
            process?.Kill();
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            // It has ended by itself.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
