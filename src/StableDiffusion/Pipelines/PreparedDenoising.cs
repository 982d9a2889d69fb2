using StableDiffusion.Denoising;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>A denoising that is ready to run: its request to the loop, and what its result records.</summary>
/// <param name="state">The state that it starts from.</param>
/// <param name="info">The settings of the result.</param>
/// <param name="before">The stages before it.</param>
/// <param name="stage">Its stage, without the hash of the result.</param>
/// <param name="maker">The mark of the model.</param>
internal sealed class PreparedDenoising(DenoiseState state, GenerationInfo info, StageList before, GenerationStage stage, ModelMark maker)
{
    /// <summary>The request. Running it changes its scheduler and its noise.</summary>
    public required DenoiseRequest Request { get; init; }

    /// <summary>The width of the image in pixels.</summary>
    public int Width => info.Width!.Value;

    /// <summary>The height of the image in pixels.</summary>
    public int Height => info.Height!.Value;

    private Scheduler Scheduler => state.Scheduler;

    /// <summary>What the stage runs on.</summary>
    public StageMaker? Made { get; init; } = stage.Made;

    /// <summary>Returns a copy that can be run while this one stays as it is, as a row of a batch.</summary>
    /// <param name="rows">The number of rows of the batch.</param>
    /// <param name="row">The row, from 0.</param>
    public PreparedDenoising ForBatch(int rows, int row)
    {
        DenoiseState copy = state.Copy();
        return new PreparedDenoising(copy, info, before, stage, maker)
        {
            Request = Request with { Scheduler = copy.Scheduler, Noise = copy.Noise, Inpainting = copy.Inpainting },
            Made = Made is null ? null : Made with { BatchOnDevice = rows, BatchRow = row },
        };
    }

    /// <summary>The latent of a sample.</summary>
    /// <param name="sample">The sample after a call.</param>
    /// <param name="nextCall">The call after that.</param>
    public Latent Capture(Tensor sample, int nextCall)
    {
        bool isLast = nextCall >= Scheduler.Timesteps.Count;
        int step = Scheduler.CountSteps(nextCall);
        return new(sample, info with { Stages = StageRecord.Complete(before, stage, Made, sample, isLast ? null : step) }, step, Scheduler.CountSteps(Scheduler.Timesteps.Count))
        {
            Maker = maker,
            Attention = Request.Attention?.Capture(),
            Overlay = isLast ? state.Inpainting?.Overlay : null,
            State = isLast ? null : (state with { NextCall = nextCall }).Copy(),
        };
    }

    /// <summary>Reports a call, if it ends a step.</summary>
    /// <param name="call">The progress of the loop.</param>
    /// <param name="progress">Receives the progress.</param>
    public void Report(DenoiseStep call, Action<StepProgress> progress)
    {
        int calls = call.Call + 1;
        if (calls % Scheduler.Order == 0 || calls == Scheduler.Timesteps.Count)
            progress(new StepProgress(Scheduler.CountSteps(calls), Scheduler.CountSteps(Scheduler.Timesteps.Count), call.Timestep, () => Capture(call.Sample.Clone(), calls)));
    }
}
