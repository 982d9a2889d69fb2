using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The denoising loop, the only place where U-Net, guidance and scheduler are combined: for one latent, or for several at once.</summary>
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
    /// For guidance, two predictions of one sample each are made: on a CPU they take no more time than one of two samples
    /// (<see cref="RunJoined"/>), and half the memory.
    /// </remarks>
    public Tensor Run(DenoiseRequest request, Action<DenoiseStep>? afterCall, CancellationToken cancellationToken)
    {
        DenoiseRow row = new(request, unet);
        using Predictor predictor = new(unet, row, request.AddedChannels, isControlled: true);

        // The prediction without the image; at the neutral scale it has no effect.
        using Predictor? unseen = row.IsGuided && request.Settings.ImageGuidanceScale is not (null or Guidance.NeutralScale)
            ? new(unet, row, added: null, isControlled: false)
            : null;

        for (int index = 0; index < row.Calls && !row.IsStopped; index++)
        {
            row.Begin(index, predictor.Sample);
            predictor.Begin(row);
            ReadOnlySpan<float> prediction = Predict(0);
            row.Trace?.NoteConditional(prediction);
            if (row.Guide() is Guidance guidance)
            {
                ReadOnlySpan<float> negative = predictor.Negative(request.Negative!, cancellationToken);
                row.Trace?.NoteUnconditional(negative);
                guidance.Begin(prediction, negative, request.Positive.Parts[0].Weight);
                for (int part = 1; part < request.Positive.Parts.Count; part++)
                    guidance.Add(Predict(part), negative, request.Positive.Parts[part].Weight);
                if (unseen is not null)
                {
                    predictor.Sample.CopyTo(unseen.Sample);
                    unseen.Begin(row);
                    guidance.AddImage(negative, unseen.Negative(request.Negative!, cancellationToken), request.Settings.ImageGuidanceScale!.Value);
                }

                prediction = guidance.End();
            }

            DenoiseStep step = row.Advance(prediction);
            afterCall?.Invoke(step);
        }

        return row.Finish();

        ReadOnlySpan<float> Predict(int part)
        {
            ReadOnlySpan<float> prediction = predictor.Positive(request.Positive, part, cancellationToken);
            if (request.Attention?.Wants(row.BegunStep) == true)
                predictor.Attend(request.Positive, part, request.Attention, row.BegunStep!.Value, cancellationToken);
            return prediction;
        }
    }

    /// <summary>Makes the calls of a request, with both predictions of guidance in one run of the U-Net.</summary>
    /// <inheritdoc cref="Run(DenoiseRequest, Action{DenoiseStep}?, CancellationToken)"/>
    /// <param name="request">The request, which can be a row of a batch.</param>
    /// <param name="afterCall">As there.</param>
    /// <param name="cancellationToken">As there.</param>
    /// <remarks>It gives what two runs give, but for the rounding of sums.</remarks>
    public Tensor RunJoined(DenoiseRequest request, Action<DenoiseStep>? afterCall, CancellationToken cancellationToken)
    {
        DenoiseRow row = new(request, unet);
        Run([row], joinsSides: true, (_, step) => afterCall?.Invoke(step), cancellationToken);
        return row.Finish();
    }

    /// <summary>Makes the calls of several requests in lock-step: each prediction of the U-Net is one for all of them.</summary>
    /// <param name="rows">
    /// The rows, whose latents have one size and which have as many calls to make: of prompts that are not composed, without
    /// guidance by an image. Each keeps its own scheduler, noise, timesteps, guidance and control images. They have the same
    /// ControlNets at the same scales. If they reuse features, all have the same reuse, one prompt for all steps, and guidance
    /// in the same calls.
    /// </param>
    /// <param name="joinsSides">Whether the predictions for prompts and for negative prompts are made at once, and not one after the other.</param>
    /// <param name="afterCall">Called after each call with the row and its progress, on this thread; may be null.</param>
    /// <param name="cancellationToken">Cancels within about two seconds, also during a prediction.</param>
    /// <remarks>Afterwards, <see cref="DenoiseRow.Finish"/> gives each result. A row that becomes NaN changes no other one.</remarks>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Run(IReadOnlyList<DenoiseRow> rows, bool joinsSides, Action<int, DenoiseStep>? afterCall, CancellationToken cancellationToken)
    {
        using UNetBatches batches = new(unet, rows[0].Sample.Shape[2], rows[0].Sample.Shape[3]);
        float[][] modelInputs = [.. rows.Select(static row => new float[row.Sample.Length])];
        Guidance?[] guidances = new Guidance?[rows.Count];
        List<UNetBatchItem> positive = [], negative = [];
        for (int index = 0; index < rows[0].Calls && !rows.All(static row => row.IsStopped); index++)
        {
            positive.Clear();
            negative.Clear();
            for (int i = 0; i < rows.Count; i++)
            {
                DenoiseRow row = rows[i];
                row.Begin(index, modelInputs[i]);
                guidances[i] = row.Guide();
                positive.Add(Item(i, row.Request.Positive));
                if (guidances[i] is not null)
                    negative.Add(Item(i, row.Request.Negative!));
            }

            if (joinsSides && rows[0].Request.CanJoinSides)
            {
                batches.Predict([.. positive, .. negative], side: 0, cancellationToken);
            }
            else
            {
                batches.Predict(positive, side: 0, cancellationToken);
                batches.Predict(negative, side: 1, cancellationToken);
            }

            int guided = 0;
            for (int i = 0; i < rows.Count; i++)
            {
                ReadOnlySpan<float> prediction = positive[i].Prediction;
                rows[i].Trace?.NoteConditional(prediction);
                if (guidances[i] is Guidance guidance)
                {
                    rows[i].Trace?.NoteUnconditional(negative[guided].Prediction);
                    guidance.Begin(prediction, negative[guided++].Prediction, rows[i].Request.Positive.Parts[0].Weight);
                    prediction = guidance.End();
                }

                DenoiseStep step = rows[i].Advance(prediction);
                afterCall?.Invoke(i, step);
            }
        }

        UNetBatchItem Item(int row, Conditioning conditioning) => new(modelInputs[row], rows[row], conditioning);
    }
}
