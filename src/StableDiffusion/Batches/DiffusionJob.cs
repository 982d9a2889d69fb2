using StableDiffusion.Batches.Jobs;

namespace StableDiffusion.Batches;

/// <summary>A table whose images are made by several workers, as it was at one moment.</summary>
public sealed class DiffusionJob
{
    internal DiffusionJob(JobFolder folder, JobRecord record, JobProgress progress, JobState state)
    {
        Name = folder.Name;
        Folder = folder.Path;
        OutDirectory = folder.OutDirectory;
        Record = record;
        Progress = progress;
        State = state;
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>What the job is doing, or how it ended.</summary>
    public JobState State { get; }

    /// <summary>Where its workers run.</summary>
    public JobBackend Backend => Record.Backend;

    /// <summary>The number that Slurm gave the job; null for local workers.</summary>
    public string? SlurmId => Record.SlurmId;

    /// <summary>How many workers there are at most.</summary>
    public int ArraySize => Record.ArraySize;

    /// <summary>How many rows the table has, those that cannot be read among them.</summary>
    public int Rows => Record.Rows;

    /// <summary>How many images the rows ask for.</summary>
    public int Images => Record.Images;

    /// <summary>How many of the images are there.</summary>
    public int Done => Math.Min(Progress.Done, Images);

    /// <summary>How many images cannot be made, since there was an error.</summary>
    public int Failed => Math.Min(Progress.Failed, Images - Done);

    /// <summary>How many rows workers have in hand.</summary>
    public int Running => Progress.Claims;

    /// <summary>How many images are neither there nor failed.</summary>
    public int Left => Images - Done - Failed;

    /// <summary>How many images are made in an hour, by the last ones; null if none has been made.</summary>
    public double? ImagesPerHour => Progress.ImagesPerHour;

    /// <summary>How long the images that are left will take; null unless the job is running and has made an image.</summary>
    public TimeSpan? TimeLeft => State == JobState.Running && ImagesPerHour is double rate ? TimeSpan.FromHours(Math.Min(Left / rate, 24 * 365 * 100)) : null;

    /// <summary>When it was submitted.</summary>
    public DateTimeOffset Submitted => Record.Submitted;

    /// <summary>The full path of the folder of the job: its table, scripts, logs and journals.</summary>
    public string Folder { get; }

    /// <summary>The full path of the folder of the images.</summary>
    public string OutDirectory { get; }

    /// <summary>Whether nothing more will happen by itself.</summary>
    public bool HasEnded => State is JobState.Completed or JobState.Failed or JobState.Stopped;

    internal JobRecord Record { get; }

    internal JobProgress Progress { get; }

    /// <summary>The job in words.</summary>
    /// <returns>The name, the state and how many images are there.</returns>
    public override string ToString() => PrintableText.Of($"{Name}: {State}, {Done} of {Images} images");
}
