namespace StableDiffusion.Storage;

/// <summary>How far an import has come.</summary>
/// <param name="Activity">What it does.</param>
/// <param name="Part">The file or the part of the model that it works on.</param>
/// <param name="Done">How many bytes of that activity are done.</param>
/// <param name="Total">How many bytes it has.</param>
/// <param name="Elapsed">How long the activity takes already.</param>
public sealed record ImportProgress(string Activity, string Part, long Done, long Total, TimeSpan Elapsed)
{
    /// <summary>Whether bytes are counted; else only the share of what is done means something.</summary>
    public bool CountsBytes { get; init; } = true;

    /// <summary>How long the activity takes yet at the speed that it had; null at its beginning.</summary>
    public TimeSpan? Remaining => Done > 0 ? Elapsed * ((double)(Total - Done) / Done) : null;
}
