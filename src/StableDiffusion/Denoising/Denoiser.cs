using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The denoising loop, the only place where U-Net, guidance and scheduler are combined.</summary>
internal sealed class Denoiser(UNet unet)
{
    /// <summary>Makes the calls of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="afterCall">Called after each call, on this thread; may be null.</param>
    /// <param name="cancellationToken">Cancels within about two seconds, also during a prediction.</param>
    /// <returns>The sample after the last call, as a new tensor.</returns>
    /// <exception cref="ModelInvalidException">The sample has other channels than the U-Net makes.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the prediction is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <remarks>
    /// For guidance, two predictions of one sample each are made rather than one prediction of two samples: on a CPU they take the
    /// same time and half the memory.
    /// </remarks>
    public Tensor Run(DenoiseRequest request, Action<DenoiseStep>? afterCall, CancellationToken cancellationToken)
    {
        if (request.Sample.Shape[1] != unet.LatentChannels)
            throw new ModelInvalidException($"The U-Net makes latents of {unet.LatentChannels} channels, and the VAE of the model has {request.Sample.Shape[1]}. They belong to different models; get the model again.");
        Tensor sample = request.Sample.Clone();
        (int height, int width) = (sample.Shape[2], sample.Shape[3]);
        Scheduler scheduler = request.Scheduler;
        double guidanceScale = request.Settings.GuidanceScale ?? Guidance.NeutralScale;
        bool isGuided = request.Negative is not null && !unet.TakesGuidance && (guidanceScale > Guidance.NeutralScale || request.Positive.Parts.Count > 1);

        using UNetInput input = unet.CreateInput(height, width, request.AddedChannels, guidanceScale);
        int steps = scheduler.CountSteps(scheduler.Timesteps.Count - request.OriginCall);
        using ControlBuffers? control = request.Controls.Count > 0 ? new ControlBuffers(request.Controls, input, steps) : null;
        using UNetPredictions predictions = new(unet, input, control, request.Reuse);
        Span<float> modelInput = input.Sample.Values.AsSpan(0, sample.Length);
        Guidance? guidance = isGuided ? new Guidance(sample.Length, request.Settings) : null;

        // The prediction without the image; at the neutral scale it has no effect.
        using UNetInput? unseen = isGuided && request.Settings.ImageGuidanceScale is not (null or Guidance.NeutralScale)
            ? unet.CreateInput(height, width, added: null)
            : null;
        using UNetPredictions? unseenPredictions = unseen is null ? null : new(unet, unseen, reuse: request.Reuse);

        for (int call = request.NextCall; call < request.StopCall; call++)
        {
            int number = call - request.OriginCall;
            int step = number / scheduler.Order;
            float timestep = scheduler.Timesteps[call];
            scheduler.ScaleModelInput(sample.Span, call, modelInput);
            input.Upload(timestep);
            control?.Upload(modelInput, timestep, step);

            ReadOnlySpan<float> prediction = predictions.Positive(request.Positive, 0, step).Run(number, cancellationToken);
            if (guidance is not null && (guidance.Advance(step, steps) | request.Positive.Parts.Count > 1))
            {
                ReadOnlySpan<float> negative = predictions.Negative(request.Negative!, step).Run(number, cancellationToken);
                guidance.Begin(prediction, negative, request.Positive.Parts[0].Weight);
                for (int part = 1; part < request.Positive.Parts.Count; part++)
                    guidance.Add(predictions.Positive(request.Positive, part, step).Run(number, cancellationToken), negative, request.Positive.Parts[part].Weight);
                if (unseenPredictions is not null)
                {
                    modelInput.CopyTo(unseen!.Sample.Values);
                    unseen.Upload(timestep);
                    guidance.AddImage(negative, unseenPredictions.Negative(request.Negative!, step).Run(number, cancellationToken), request.Settings.ImageGuidanceScale!.Value);
                }

                prediction = guidance.End();
            }

            scheduler.Step(prediction, call, sample.Span, request.Noise);
            request.Inpainting?.Restore(sample.Span, scheduler, call + 1);
            afterCall?.Invoke(new DenoiseStep(call, timestep, sample));
        }

        if (!sample.IsFinite())
            throw new InferenceException("The denoising returned values that are not finite. Try another scheduler or a lower guidance scale; if the error persists, the model's weights are damaged or too large for half precision.");
        return sample;
    }
}

/// <summary>The progress of a denoising after a call.</summary>
/// <param name="Call">The index of the call, from 0.</param>
/// <param name="Timestep">The timestep of the call.</param>
/// <param name="Sample">The sample after the call. Its memory is reused, so copy it to keep it.</param>
internal readonly record struct DenoiseStep(int Call, float Timestep, Tensor Sample);
