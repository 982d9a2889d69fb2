using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;

namespace StableDiffusion.Reports;

/// <summary>Keeps what the stages of an image do while it is made again.</summary>
internal sealed class ReportRecorder : StageObserver
{
    private readonly List<ReportStage> _stages = [];
    private readonly List<TextEmbedding> _prompts = [];
    private readonly List<List<StepLatent>> _denoisings = [];

    /// <summary>The stages in order, with their time and memory.</summary>
    public IReadOnlyList<ReportStage> Stages => _stages;

    /// <summary>The prompts in the order of their encoding.</summary>
    public IReadOnlyList<TextEmbedding> Prompts => _prompts;

    /// <summary>The steps of each denoising.</summary>
    public IReadOnlyList<IReadOnlyList<StepLatent>> Denoisings => _denoisings;

    /// <summary>The latent that was decoded or denoised last; null if there was none.</summary>
    public Latent? Latent { get; private set; }

    /// <summary>Receives the progress of each step; null for none.</summary>
    public Action<StepProgress>? Progress { get; set; }

    /// <inheritdoc/>
    public override T Run<T>(Stage stage, Func<T> work)
    {
        if (stage == Stage.Denoising)
            _denoisings.Add([]);
        long begun = Stopwatch.GetTimestamp();
        T result = base.Run(stage, work);
        _stages.Add(new ReportStage(stage.InWords(), Stopwatch.GetElapsedTime(begun), Environment.WorkingSet));
        if (stage == Stage.Denoising && result is Latent latent)
            Latent = latent;
        return result;
    }

    /// <inheritdoc/>
    public override void OnEncoded(TextEmbedding embedding) => _prompts.Add(embedding);

    /// <inheritdoc/>
    public override void OnDecoding(Latent latent) => Latent = latent;

    /// <inheritdoc/>
    public override void OnStep(StepProgress progress)
    {
        Progress?.Invoke(progress);
        if (progress.Capture() is StepLatent step)
            _denoisings[^1].Add(step);
    }
}
