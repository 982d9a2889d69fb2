namespace StableDiffusion.Storage;

/// <summary>The progress of something that takes long: the opening, building, import or comparison of a model.</summary>
/// <param name="Activity">What is done, such as <c>Opening the U-Net</c>.</param>
/// <param name="Detail">The file, or the part or name of the model, that it is done with.</param>
/// <param name="Done">How much of the activity is done.</param>
/// <param name="Total">How much there is to do.</param>
/// <param name="Elapsed">How long the activity has taken.</param>
public sealed record ProgressReport(string Activity, string Detail, long Done, long Total, TimeSpan Elapsed)
{
    /// <summary>Whether <see cref="Done"/> and <see cref="Total"/> are bytes; otherwise only their ratio has a meaning.</summary>
    public bool CountsBytes { get; init; } = true;

    /// <summary>What to know about how it was done, in a sentence; null for nothing.</summary>
    public string? Note { get; init; }

    /// <summary>Whether this is the last report of the activity.</summary>
    public bool IsLast { get; init; }

    /// <summary>How much is done, 0 to 1.</summary>
    public double Fraction => Total == 0 ? 1 : (double)Done / Total;

    /// <summary>How long the rest takes at the same speed; null at the beginning.</summary>
    public TimeSpan? Remaining => Done > 0 ? Elapsed * ((double)(Total - Done) / Done) : null;

    /// <summary>The only report of an activity that is over.</summary>
    internal static ProgressReport Finished(string activity, string detail, TimeSpan elapsed) =>
        new(activity, detail, 1, 1, elapsed) { CountsBytes = false, IsLast = true };
}
