namespace SdPowerShell.Batches;

/// <summary>What a trial says of a row: an image that would be made or is there, an error, or a warning.</summary>
/// <param name="Row">The number of the row, from 1; null if there is none.</param>
/// <param name="Value">A <c>PlannedImage</c>, an <c>ErrorRecord</c> or a <c>WarningRecord</c>.</param>
internal sealed record PlannedOutput(int? Row, object Value);
