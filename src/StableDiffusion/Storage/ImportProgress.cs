namespace StableDiffusion.Storage;

/// <summary>The progress of an import.</summary>
/// <param name="Activity">The current activity.</param>
/// <param name="Part">The current file or part of the model.</param>
/// <param name="Done">The processed bytes of that activity.</param>
/// <param name="Total">The total bytes of that activity.</param>
/// <param name="Elapsed">The elapsed time of the activity.</param>
public sealed record ImportProgress(string Activity, string Part, long Done, long Total, TimeSpan Elapsed)
{
    /// <summary>Whether bytes are counted; if not, only the ratio of done to total is meaningful.</summary>
    public bool CountsBytes { get; init; } = true;

    /// <summary>The estimated remaining time of the activity; null at its beginning.</summary>
    public TimeSpan? Remaining => Done > 0 ? Elapsed * ((double)(Total - Done) / Done) : null;
}
