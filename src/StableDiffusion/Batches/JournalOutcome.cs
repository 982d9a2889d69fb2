namespace StableDiffusion.Batches;

/// <summary>What a line of a journal says of an image, without its settings.</summary>
/// <param name="Time">When the work on it ended.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Row">The row in words; null if there was only one piece of work.</param>
/// <param name="File">The full path of the file; null if none was written.</param>
/// <param name="Seconds">How many seconds the work took; null if it failed.</param>
internal sealed record JournalOutcome(DateTimeOffset Time, JournalStatus Status, string? Row = null, string? File = null, double? Seconds = null);
