using StableDiffusion.Batches.Bills;

namespace SdPowerShell.Batches;

/// <summary>What a trial found out about a row.</summary>
/// <param name="Images">The images that would be made, or are there.</param>
/// <param name="Failing">The row with its first error; null if all its images would be there.</param>
internal sealed record TrialResult(IReadOnlyList<PlannedImage> Images, FailingRow? Failing);
