using StableDiffusion.Pipelines;

namespace SdPowerShell.Progress;

/// <summary>Moves the progress bar of a batch with the steps of each image.</summary>
/// <param name="progress">The progress.</param>
internal sealed class BatchObserver(BatchProgress progress) : StageObserver
{
    /// <inheritdoc/>
    public override void OnStep(StepProgress step) => progress.Advance((double)step.Step / step.StepCount);
}
