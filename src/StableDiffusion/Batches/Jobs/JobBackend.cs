namespace StableDiffusion.Batches.Jobs;

/// <summary>Where the workers of a job run.</summary>
public enum JobBackend
{
    /// <summary>As the tasks of an array job of Slurm.</summary>
    Slurm,

    /// <summary>As processes of this computer.</summary>
    Local,
}
