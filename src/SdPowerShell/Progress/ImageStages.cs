using SdPowerShell.Commands;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace SdPowerShell.Progress;

/// <summary>Shows the stages of an image: how long they take, the progress of the denoising, and the text that did not fit into the prompts.</summary>
/// <param name="command">The cmdlet that makes the image.</param>
/// <param name="options">Its settings.</param>
/// <param name="batch">The progress of the batch that it belongs to.</param>
/// <param name="checkpoint">Where the state of its first denoising is kept; null for nowhere.</param>
internal sealed class ImageStages(NewDiffusionImageCommand command, DenoiseOptions options, BatchProgress batch, DenoiseCheckpoint? checkpoint = null) : StageObserver
{
    private DenoisingProgress? _denoising;

    /// <summary>How many images are denoised at once.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The claim of the image's file; null for none, or several images.</summary>
    public Claim? Claim { get; set; }

    /// <inheritdoc/>
    public override DenoiseCheckpoint? Checkpoint => checkpoint;

    /// <inheritdoc/>
    public override T Run<T>(Stage stage, Func<T> work)
    {
        if (stage != Stage.Denoising)
            return command.Timed(stage.InWords(), work);

        using DenoisingProgress progress = _denoising = new(command.WriteProgress, options.Prompt, batch.ParentId);
        command.Previews?.Begin();
        T result = command.Timed(Count == 1 ? stage.InWords() : $"{stage.InWords()} of {Count} images at once", work);
        if (result is Latent latent && options.Hires?.HiresTileSize is null)
            command.ReportControlImages(options, latent);
        return result;
    }

    /// <inheritdoc/>
    public override void OnEncoded(TextEmbedding embedding) => command.Prompts.WarnOf(embedding, !string.IsNullOrWhiteSpace(options.PromptSyntax));

    /// <inheritdoc/>
    public override void OnStep(StepProgress progress)
    {
        _denoising!.Report(progress);
        batch.Advance((double)progress.Step / progress.StepCount);
        command.Previews?.Report(progress);
        command.Claims.AfterStep(progress, Claim);
    }

    /// <inheritdoc/>
    public override void OnDetecting(ProgressReport progress) => command.ReportLoading(progress);

    /// <inheritdoc/>
    public override void OnUpscaling(ProgressReport progress) => command.ReportLoading(progress);
}
