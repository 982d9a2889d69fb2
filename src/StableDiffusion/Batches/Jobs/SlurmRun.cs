using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Jobs;

/// <summary>An array job in Slurm's queue.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Folder">The folder that it was submitted in, as Slurm says it.</param>
/// <param name="IsWorking">Whether a task is at work; otherwise all wait.</param>
internal sealed record SlurmRun(string Id, string Folder, bool IsWorking)
{
    /// <summary>Whether it was submitted in the folder of a job, which nobody but Slurm can say: others may write to the folder.</summary>
    /// <param name="job">The folder of the job.</param>
    public bool IsOf(JobFolder job)
    {
        try
        {
            return Folder == job.Path || RealPath.Of(Folder) == RealPath.Of(job.Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }
}
