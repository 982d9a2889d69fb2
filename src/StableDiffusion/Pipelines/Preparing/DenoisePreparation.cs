using System.Globalization;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Families;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines.Preparing;

/// <summary>Prepares a denoising: checks that all that it takes fits together, and makes the request to the loop and what its result records.</summary>
/// <param name="pipeline">The pipeline, which encodes a negative prompt that is not given.</param>
/// <param name="model">The open model.</param>
/// <param name="messages">Receives what there is to say.</param>
internal sealed class DenoisePreparation(DiffusionPipeline pipeline, DiffusionModel model, PipelineMessages messages)
{
    /// <summary>Prepares a denoising.</summary>
    /// <param name="job">The denoising.</param>
    /// <param name="unet">The U-Net, whose use has begun.</param>
    /// <param name="cancellationToken">Cancels the preparation.</param>
    public PreparedDenoising Run(DenoiseJob job, UNet unet, CancellationToken cancellationToken)
    {
        (TextEmbedding embedding, TextEmbedding? negative, Latent? start, DenoiseOptions options) = job;
        double guidanceScale = options.GuidanceScale ?? model.Info.GuidanceScale;
        SettingCheck.ImageGuidance(options, unet.Variant, model.Info);
        FeatureReuse? reuse = options.FeatureReuse is int interval and > 1
            ? new FeatureReuse(model.OpenOuterUNet(options.FeatureReuseBranch ?? 0, messages.Loading, cancellationToken, options.ToTiling()), options.FeatureReuseBranch ?? 0, interval)
            : null;
        if (reuse is not null)
            unet.CheckOuter(reuse.OuterLayers, reuse.Branch);
        InpaintSettings inpainting = new(options);
        options = options with { Mask = inpainting.Prepare(options.Mask) };
        WarnOfChange("latent", start?.Maker);
        WarnOfChange("embedding", embedding.Maker);
        WarnOfChange("negative embedding", negative?.Maker);
        CheckEmbedding(embedding, unet, model);
        if (unet.TakesGuidance)
            CheckGuidanceInput(embedding, negative, options);
        negative = pipeline.CompleteNegative(embedding, negative, guidanceScale, cancellationToken);
        if (negative is not null && DiffusionPipeline.NeedsNegative(embedding, guidanceScale))
            CheckEmbedding(negative, unet, model);

        (DenoiseState state, Tensor sample, GenerationInfo info) = start switch
        {
            null => new DenoiseStart(model, unet, messages).FromNoise(options, cancellationToken),
            _ when options.DenoisingStart is not null => new DenoiseStart(model, unet, messages).FromOther(start, options, cancellationToken),
            { State: not null } => DenoiseStart.FromState(start, start.State, options),
            _ => new DenoiseStart(model, unet, messages).FromClean(start, options, cancellationToken),
        };
        ControlCondition[] controls = ControlStart.Open(options.Controls, model, unet, info.Width!.Value, info.Height!.Value, messages.Loading, cancellationToken);
        GenerationInfo prompt = StageRecord.OfEmbedding(embedding);
        LatentWindows? windows = DenoiseStart.WindowsOf(options, model, info.Width.Value, info.Height.Value);
        info = LatentWindows.Record(info, windows) with
        {
            ControlNets = ControlStart.Describe(options.Controls, controls),
            Prompt = prompt.Prompt,
            NegativePrompt = negative is { IsNothing: false } ? negative.Prompt : null,
            GuidanceScale = guidanceScale,
            FeatureReuseBranch = reuse?.Branch,
            Tiling = options.ToTiling().ToString(),
            ImageGuidanceScale = unet.Variant == ModelVariant.InstructPix2Pix && state.AddedChannels is not null ? options.ImageGuidanceScale ?? DiffusionPipeline.DefaultImageGuidanceScale : null,
            PromptSyntax = prompt.PromptSyntax,
            Emphasis = prompt.Emphasis,
            ClipSkip = prompt.ClipSkip,
        };
        if (start?.State is null)
            info = InpaintSettings.Record(inpainting.Spell(info), options.Mask is not null);
        info = SettingTable.WithoutDefaults(AdapterRecord.Add(info, model.Adapters, embedding, negative));
        StageList before = start?.Origin() ?? new StageList();
        GenerationStage stage = StageRecord.OfDenoising(model, info, options, start, embedding, negative is { IsNothing: false } ? negative : null);

        Scheduler scheduler = state.Scheduler;
        int stopStep = DenoiseStart.CheckStopStep(options, scheduler.CountSteps(state.NextCall), scheduler);

        IReadOnlyList<TextVectors> EncodeTogether(IReadOnlyList<string> texts, PromptOptions reading) =>
            model.Prompts.EncodeTogether(texts, reading, () => model.OpenTextEncoder(messages.Loading, cancellationToken).EncodeTogether(texts, reading, cancellationToken));
        DenoiseRequest request;
        using (model.Use(ModelPart.TextEncoder))
        {
            request = CreateRequest();
            if (options.Attention is not null)
                request = request with { Attention = PrepareAttention(options, embedding, request, model.OpenTextEncoder(messages.Loading, cancellationToken), cancellationToken) };
        }

        return new PreparedDenoising(state, info, before, stage, model.Info.Mark) { Request = request };

        DenoiseRequest CreateRequest() => new()
        {
            Sample = sample,
            Positive = PromptConditioning.OfPrompt(EncodeTogether, embedding, info.Steps!.Value) with { Sizes = TimeIds.Of(model.Family, info, isNegative: false) },
            Negative = negative is null
                ? null
                : PromptConditioning.OfNegativePrompt(EncodeTogether, negative, info.Steps.Value) with { Sizes = TimeIds.Of(model.Family, info, isNegative: true) },
            Scheduler = scheduler,
            Noise = state.Noise,
            Settings = info,
            NextCall = state.NextCall,
            OriginCall = state.OriginCall,
            StopCall = Math.Min(stopStep * scheduler.Order, scheduler.Timesteps.Count),
            AddedChannels = state.AddedChannels,
            Inpainting = state.Inpainting,
            Windows = windows,
            Controls = controls,
            Reuse = reuse,
        };
    }

    /// <summary>Throws for an embedding that the U-Net cannot take.</summary>
    /// <param name="embedding">The embedding.</param>
    /// <param name="unet">The U-Net.</param>
    /// <param name="model">Its model.</param>
    /// <exception cref="ShapeMismatchException">It is of another form.</exception>
    /// <exception cref="NotFiniteException">It contains a value that is NaN or infinite.</exception>
    public static void CheckEmbedding(TextEmbedding embedding, UNet unet, DiffusionModel model)
    {
        if (!embedding.HiddenStates.HasShape(1, -1, unet.EmbeddingWidth) || (unet.TakesPooledText && embedding.PooledState is null))
            throw new ShapeMismatchException($"The model '{model.Info.Name}' takes embeddings of the shape [1, tokens, {unet.EmbeddingWidth}], not {embedding.HiddenStates}. Make the embedding of '{embedding.Prompt}' with the same model.");
        embedding.CheckFinite();
    }

    private AttentionProbe PrepareAttention(DenoiseOptions options, TextEmbedding embedding, DenoiseRequest request, TextEncoder encoder, CancellationToken cancellationToken)
    {
        AttentionOptions attention = options.Attention!;
        if (embedding.IsMerged)
            throw new InvalidSettingException(nameof(options.Attention), "The embedding is merged from several, so that its vectors belong to no words whose attention could be kept. Omit Attention.");
        if (request.Windows is not null)
            throw new InvalidSettingException(nameof(options.Attention), "Attention does not work with windows, for which the U-Net predicts one by one. Omit Attention or DiffusionTiling.");

        Scheduler scheduler = request.Scheduler;
        HashSet<int> made = [.. Enumerable.Range(request.NextCall, request.StopCall - request.NextCall).Select(call => scheduler.CountSteps(call + 1))];
        if (attention.Steps.Except(made).ToArray() is { Length: > 0 } missing)
            throw new InvalidSettingException("AttentionStep", string.Create(CultureInfo.InvariantCulture, $"The denoising does not make a step of which the attention is to be kept: {string.Join(", ", missing)}. {(made.Count == 0 ? "It makes none." : $"It makes the steps {made.Min()} to {made.Max()}.")}"));

        HashSet<int> steps = attention.Steps.Count == 0 ? made : [.. attention.Steps];
        IReadOnlyDictionary<TextVectors, PlacedText> texts = PromptConditioning.Place(encoder, embedding, request.Positive, request.Settings.Steps!.Value);
        long columns = Enumerable.Range(request.NextCall, request.StopCall - request.NextCall)
            .Where(call => call % scheduler.Order == 0 && steps.Contains(scheduler.CountSteps(call + 1)))
            .SelectMany(call => request.Positive.Parts.Select(part => part.At((call - request.OriginCall) / scheduler.Order)))
            .Sum(text => (long)new AttentionText(texts[text], text.HiddenStates.Shape[1]).Columns);
        int factor = model.Info.LatentFactor;
        long? bytes = new MemoryEstimate(model, VaeOptions.From(options)).Attention(attention, columns, request.Sample.Shape[3] * factor, request.Sample.Shape[2] * factor);
        if (bytes is long needed)
        {
            pipeline.FreeMemory(needed, cancellationToken);
            AttentionProbe.CheckRoom(needed, steps.Count, attention.KeepsHeads);
            messages.Note?.Invoke(string.Create(CultureInfo.CurrentCulture, $"The attention of {steps.Count} {(steps.Count == 1 ? "step" : "steps")} takes {ByteSize.Format(needed)} of memory."));
        }

        AttentionUNet unet = model.OpenAttentionUNet(options.Controls.Count > 0, messages.Loading, cancellationToken, options.ToTiling());
        return new AttentionProbe(unet, unet.Choose(attention.Layers), steps, attention.KeepsHeads, texts) { Bytes = bytes };
    }

    /// <summary>Refuses settings that need a second prediction, for a U-Net that takes the guidance scale as an input.</summary>
    private void CheckGuidanceInput(TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options)
    {
        string? setting = options.GuidanceRescale is > 0 ? nameof(options.GuidanceRescale)
            : options.GuidanceStart is > 0 ? nameof(options.GuidanceStart)
            : options.GuidanceEnd is < 1 ? nameof(options.GuidanceEnd)
            : options.GuidanceSigmaMin is > 0 ? nameof(options.GuidanceSigmaMin)
            : options.GuidanceSigmaMax is not null ? nameof(options.GuidanceSigmaMax)
            : null;
        if (setting is not null)
            throw new InvalidSettingException(setting, $"The model '{model.Info.Name}' takes the guidance scale as an input, so {setting} has no effect. Omit it.");
        if (embedding.DynamicText is string text && CompositePrompt.Parse(text).Count > 1)
            throw new InvalidSettingException(nameof(options.Prompt), $"The model '{model.Info.Name}' takes the guidance scale as an input, so it cannot combine prompts with AND. Write one prompt.");
        if (!string.IsNullOrWhiteSpace(negative?.Prompt))
            messages.Warning?.Invoke($"The model '{model.Info.Name}' takes the guidance scale as an input, so the negative prompt has no effect.");
    }

    private void WarnOfChange(string what, ModelMark? maker)
    {
        if (maker?.IsChanged(model.Info.Mark) == true)
            messages.Warning?.Invoke($"The {what} was made with another model '{maker.Name}', of the hash {maker.Hash}; that of this one is {model.Info.Hash}. The image will be another than with one model.");
    }
}
