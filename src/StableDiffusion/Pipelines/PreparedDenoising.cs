using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
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
    // More texts than the records of any image, and the state of a generator; more buffers than a scheduler and an inpainting model
    // have; the image to start from, and its mask.
    private const long MostStateText = 16L << 20;
    private const long MostStateValues = 64;
    private const long MostStatePixels = 8;

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
    /// <param name="row">The denoising, for what it keeps of the call; null for the latent alone.</param>
    public Latent Capture(Tensor sample, int nextCall, DenoiseRow? row = null)
    {
        bool isLast = nextCall >= Scheduler.Timesteps.Count;
        int step = Scheduler.CountSteps(nextCall);
        Latent latent = new(sample, info with { Stages = StageRecord.Complete(before, stage, Made, sample, isLast ? null : step) }, step, Scheduler.CountSteps(Scheduler.Timesteps.Count))
        {
            Maker = maker,
            Attention = Request.Attention?.Capture(),
            Overlay = isLast ? state.Inpainting?.Overlay : null,
            State = isLast ? null : (state with { NextCall = nextCall }).Copy(),
        };
        return row?.Trace is PredictionTrace trace ? new StepLatent(latent, trace) : latent;
    }

    /// <summary>More bytes than the file of a state of this denoising has.</summary>
    public long MostStateBytes => MostStateText + (sizeof(float) * ((MostStateValues * Request.Sample.Length) + (MostStatePixels * Width * Height)));

    /// <summary>Goes on with what was captured of the same denoising.</summary>
    /// <param name="captured">The latent.</param>
    /// <returns>The rest of the denoising, whose result records the whole; null if the latent is of another one.</returns>
    /// <remarks>
    /// The records hold all settings, the hashes of the inputs, of the model and of the values, and what it ran on. Of the captured state
    /// only what changes with the steps is used: the sample, the history of the scheduler, and the position in the random numbers.
    /// </remarks>
    public PreparedDenoising? GoOn(Latent captured)
    {
        if (captured.State?.Copy() is not DenoiseState kept || Request.Reuse is not null || !captured.Tensor.Shape.SequenceEqual(Request.Sample.Shape)
            || kept.NextCall <= Request.NextCall || kept.NextCall > Request.StopCall || kept.OriginCall != Request.OriginCall
            || kept.Scheduler.Recipe != Scheduler.Recipe || !captured.Tensor.IsFinite() || !IsFinite(kept, captured.Tensor.Length)
            || GenerationRecord.Write(RecordedNames.Only(Capture(captured.Tensor, kept.NextCall).Info)) != GenerationRecord.Write(RecordedNames.Only(captured.Info)))
            return null;
        kept = kept with { Inpainting = Request.Inpainting, AddedChannels = Request.AddedChannels };
        return new PreparedDenoising(kept, info, before, stage, maker)
        {
            Request = Request with { Sample = captured.Tensor, Scheduler = kept.Scheduler, Noise = kept.Noise, NextCall = kept.NextCall },
            Made = Made,
        };
    }

    private static bool IsFinite(DenoiseState state, int length)
    {
        FiniteState values = new();
        state.Scheduler.Transfer(values, length, state.OriginCall, state.NextCall);
        state.Noise.Transfer(values);
        return values.IsFinite;
    }

    /// <summary>Reports a call, if it ends a step.</summary>
    /// <param name="call">The progress of the loop.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="preview">Shows the clean latent that a call predicted.</param>
    public void Report(DenoiseStep call, Action<StepProgress> progress, Func<Latent, DiffusionImage> preview)
    {
        int calls = call.Call + 1;
        if (calls % Scheduler.Order == 0 || calls == Scheduler.Timesteps.Count)
        {
            progress(new StepProgress(
                Scheduler.CountSteps(calls),
                Scheduler.CountSteps(Scheduler.Timesteps.Count),
                call.Timestep,
                calls < Scheduler.Timesteps.Count && Request.Reuse is null,
                () => Capture(call.Sample.Clone(), calls, call.Row),
                call.Row.Stop,
                () => preview(new Latent(call.Row.CopyClean(), info with { Stages = null }))));
        }
    }
}
