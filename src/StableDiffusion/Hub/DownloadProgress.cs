namespace StableDiffusion.Hub;

/// <summary>How far a model's download has come.</summary>
/// <param name="Repository">The repository, as <c>owner/name</c>.</param>
/// <param name="File">The file that was begun last; empty before the first.</param>
/// <param name="Received">How many bytes are here, with those of an earlier run.</param>
/// <param name="Length">How many there will be.</param>
/// <param name="BytesPerSecond">How many come in a second at the moment.</param>
/// <param name="Remaining">How long it will take; null while that cannot be told.</param>
/// <param name="Note">What is waited for, if anything is.</param>
public sealed record DownloadProgress(
    string Repository, string File, long Received, long Length, double BytesPerSecond, TimeSpan? Remaining, string? Note);
