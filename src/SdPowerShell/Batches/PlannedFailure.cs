using System.Management.Automation;

namespace SdPowerShell.Batches;

/// <summary>An error of a row in a trial.</summary>
/// <param name="Number">The number of the row, from 1; null if there is none.</param>
/// <param name="Error">The error.</param>
internal sealed record PlannedFailure(int? Number, ErrorRecord Error);
