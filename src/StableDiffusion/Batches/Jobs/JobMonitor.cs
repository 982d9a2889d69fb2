namespace StableDiffusion.Batches.Jobs;

/// <summary>Finds out what jobs are doing.</summary>
internal static class JobMonitor
{
    /// <summary>Looks at jobs. Slurm is asked once for all of them.</summary>
    /// <param name="folders">Their folders, with their records.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static IEnumerable<DiffusionJob> Look(IReadOnlyList<(JobFolder Folder, JobRecord Record)> folders, CancellationToken cancellationToken)
    {
        IReadOnlyList<SlurmRun>? queue = Slurm.Query([.. folders.Select(static job => job.Record.SlurmId).OfType<string>()], cancellationToken);
        foreach ((JobFolder folder, JobRecord record) in folders)
        {
            // What the workers are is asked first: a worker that ends in between has written its journal.
            Presence presence = record.Backend == JobBackend.Local ? OfLocal(folder) : OfSlurm(folder, queue);
            JobProgress progress = JobProgress.Read(folder, new JobTable(folder, record).ImagesOf, cancellationToken);
            DiffusionJob job = new(folder, record, progress, JobState.Pending);
            yield return new DiffusionJob(folder, record, progress, StateOf(job, presence, folder.IsStopped));
        }
    }

    /// <summary>The state of a job.</summary>
    /// <param name="job">The job, with its progress.</param>
    /// <param name="presence">What is known of its workers.</param>
    /// <param name="isStopped">Whether the job was stopped.</param>
    internal static JobState StateOf(DiffusionJob job, Presence presence, bool isStopped)
    {
        bool isFresh = DateTimeOffset.Now - job.Progress.LastEnd < JobProgress.Alive;
        return (presence, job) switch
        {
            (_, { Left: 0, Failed: 0 }) => JobState.Completed,
            (Presence.Working, _) => JobState.Running,
            (not Presence.None, { Running: > 0 }) => JobState.Running,
            (Presence.Waiting, _) => JobState.Pending,
            (_, { Left: 0 }) => JobState.Failed,
            (Presence.None, _) => JobState.Stopped,
            _ when isStopped => JobState.Stopped,
            _ when isFresh => JobState.Running,
            _ => job.Progress.LastEnd is null ? JobState.Pending : JobState.Stopped,
        };
    }

    private static Presence OfLocal(JobFolder folder) => LocalWorkers.AreAlive(folder) switch
    {
        true => Presence.Working,
        false => Presence.None,
        null => Presence.Unknown,
    };

    // A job script that was submitted again by hand has another number than the record.
    private static Presence OfSlurm(JobFolder folder, IReadOnlyList<SlurmRun>? queue)
    {
        if (queue is null)
            return Presence.Unknown;
        SlurmRun[] own = [.. queue.Where(run => run.IsOf(folder))];
        return Array.Exists(own, static run => run.IsWorking) ? Presence.Working : own.Length > 0 ? Presence.Waiting : Presence.None;
    }
}
