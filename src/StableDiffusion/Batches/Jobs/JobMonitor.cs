namespace StableDiffusion.Batches.Jobs;

/// <summary>Finds out what jobs are doing.</summary>
internal static class JobMonitor
{
    /// <summary>Looks at jobs. Slurm is asked once for all of them.</summary>
    /// <param name="folders">Their folders, with their records.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static IEnumerable<DiffusionJob> Look(IReadOnlyList<(JobFolder Folder, JobRecord Record)> folders, CancellationToken cancellationToken)
    {
        string[] ids = [.. folders.Select(static job => job.Record.SlurmId).OfType<string>()];
        IReadOnlyDictionary<string, (bool IsWorking, bool IsWaiting)>? queue = Slurm.Query(ids, cancellationToken);
        foreach ((JobFolder folder, JobRecord record) in folders)
        {
            // What the workers are is asked first: a worker that ends in between has written its journal.
            Presence presence = record.Backend == JobBackend.Local ? OfLocal(folder) : OfSlurm(record, queue);
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

    private static Presence OfSlurm(JobRecord record, IReadOnlyDictionary<string, (bool IsWorking, bool IsWaiting)>? queue) => queue is null
        ? Presence.Unknown
        : queue.GetValueOrDefault(record.SlurmId!) switch
        {
            (true, _) => Presence.Working,
            (_, true) => Presence.Waiting,
            _ => Presence.None,
        };
}
