namespace StableDiffusion.Batches.Jobs;

/// <summary>What a job is doing, or how it ended.</summary>
public enum JobState
{
    /// <summary>No worker is at work, and some wait to be started.</summary>
    Pending,

    /// <summary>A worker is at work.</summary>
    Running,

    /// <summary>No worker is at work or waits, and images are left.</summary>
    Stopped,

    /// <summary>All images are there.</summary>
    Completed,

    /// <summary>All workers have ended, and the images that are not there had errors.</summary>
    Failed,
}
