using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>One latent in the denoising loop: what is its own between two predictions of the U-Net.</summary>
internal sealed class DenoiseRow
{
    private readonly Guidance? _guidance;

    // The clean sample as the last call predicted it; null if that is not asked for, or follows from the trace.
    private readonly Tensor? _clean;
    private int _call;

    /// <summary>Initializes the row at the start of its request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="unet">The U-Net.</param>
    /// <exception cref="ModelInvalidException">The sample has other channels than the U-Net makes.</exception>
    public DenoiseRow(DenoiseRequest request, UNet unet)
    {
        if (request.Sample.Shape[1] != unet.LatentChannels)
            throw new ModelInvalidException($"The U-Net makes latents of {unet.LatentChannels} channels, and the VAE of the model has {request.Sample.Shape[1]}. They belong to different models; get the model again.");
        Request = request;
        Sample = request.Sample.Clone();
        Steps = request.Scheduler.CountSteps(request.Scheduler.Timesteps.Count - request.OriginCall);
        IsGuided = request.IsGuided(unet);
        _guidance = IsGuided ? new Guidance(Sample.Length, request.Settings) : null;
        _clean = request is { KeepsClean: true, KeepsPredictions: false } ? new Tensor([.. Sample.Shape]) : null;
        Trace = request.KeepsPredictions ? new PredictionTrace(Sample.Length) : null;
    }

    /// <summary>The request.</summary>
    public DenoiseRequest Request { get; }

    /// <summary>The sample, [1, channels, height, width], which each call changes.</summary>
    public Tensor Sample { get; }

    /// <summary>What the U-Net predicted in the last call; null if that is not kept.</summary>
    public PredictionTrace? Trace { get; }

    /// <summary>Whether no more calls are made.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The guidance scale.</summary>
    public double GuidanceScale => Request.Settings.GuidanceScale ?? Guidance.NeutralScale;

    /// <inheritdoc cref="DenoiseRequest.IsGuided"/>
    public bool IsGuided { get; }

    /// <summary>The number of steps of the whole denoising.</summary>
    public int Steps { get; }

    /// <summary>The number of calls to make.</summary>
    public int Calls => Request.StopCall - Request.NextCall;

    /// <summary>The number of the call in the whole denoising, from 0.</summary>
    public int Number => _call - Request.OriginCall;

    /// <summary>The step of the call, from 0.</summary>
    public int Step => Number / Request.Scheduler.Order;

    /// <summary>The step of the whole schedule that begins with the call, from 1; null if it began with an earlier one.</summary>
    public int? BegunStep => _call % Request.Scheduler.Order == 0 ? Request.Scheduler.CountSteps(_call + 1) : null;

    /// <summary>The timestep of the call.</summary>
    public float Timestep => Request.Scheduler.Timesteps[_call];

    /// <summary>Begins a call.</summary>
    /// <param name="index">Its index among the calls to make, from 0.</param>
    /// <param name="modelInput">Receives the sample at the scale that the U-Net takes.</param>
    public void Begin(int index, Span<float> modelInput)
    {
        _call = Request.NextCall + index;
        ReadOnlySpan<float> seen = Request.Inpainting is Inpainting inpainting ? inpainting.Begin(Sample.Span, Request.Scheduler, _call, Request.OriginCall) : Sample.Span;
        Request.Scheduler.ScaleModelInput(seen, _call, modelInput);
    }

    /// <summary>Sets the guidance for this call.</summary>
    /// <returns>The guidance, for which there must be a prediction for the negative prompt; null if this call has none.</returns>
    public Guidance? Guide() => _guidance is not null && (_guidance.Advance(Step, Steps, Request.Scheduler.LevelAt(_call).Sigma) | Request.Positive.Parts.Count > 1) ? _guidance : null;

    /// <summary>Makes the step of the call.</summary>
    /// <param name="prediction">The prediction, after guidance.</param>
    /// <returns>The progress.</returns>
    public DenoiseStep Advance(ReadOnlySpan<float> prediction)
    {
        if (Request.Inpainting is Inpainting inpainting)
            prediction = inpainting.Blend(prediction, Sample.Span, Request.Scheduler, _call);
        Trace?.NoteStep(prediction, Sample.Span, Request.Scheduler.LevelAt(_call), Timestep);
        if (_clean is not null)
        {
            CallLevel level = Request.Scheduler.LevelAt(_call);
            VectorMath.Combine(_clean.Span, Sample.Span, level.Clean.Sample, prediction, level.Clean.Output);
        }

        Request.Scheduler.Step(prediction, _call, Sample.Span, Request.Noise);
        Request.Inpainting?.Restore(Sample.Span, Request.Scheduler, _call + 1);
        return new DenoiseStep(_call, Timestep, this);
    }

    /// <summary>The clean sample as the last call predicted it, as a new tensor. The request keeps it, or the predictions.</summary>
    public Tensor CopyClean() => Trace?.Clean([.. Sample.Shape]) ?? _clean!.Clone();

    /// <summary>Makes no more calls after this one. The rows of a batch go on until all are stopped.</summary>
    public void Stop() => IsStopped = true;

    /// <summary>Ends the row.</summary>
    /// <returns>The sample.</returns>
    /// <exception cref="InferenceException">It is not finite.</exception>
    public Tensor Finish() => Sample.IsFinite()
        ? Sample
        : throw new InferenceException("The denoising returned values that are not finite. Try another scheduler or a lower guidance scale; if the error persists, the model's weights are damaged or too large for half precision.");
}

/// <summary>The progress of a denoising after a call.</summary>
/// <param name="Call">The index of the call, from 0.</param>
/// <param name="Timestep">The timestep of the call.</param>
/// <param name="Row">The denoising. The memory of its sample is reused, so copy it to keep it.</param>
internal readonly record struct DenoiseStep(int Call, float Timestep, DenoiseRow Row)
{
    /// <summary>The sample after the call.</summary>
    public Tensor Sample => Row.Sample;
}
