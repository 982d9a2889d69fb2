using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Denoising.Previews;
using StableDiffusion.Families;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Pipelines.Details;
using StableDiffusion.Pipelines.Estimates;
using StableDiffusion.Pipelines.Inspection;
using StableDiffusion.Pipelines.Preparing;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>
/// The four stages of Stable Diffusion over one open model: text to embedding, image to latent, denoising, and
/// latent to image. Each can be called alone. Calling them one after another makes the same image as any
/// composition of them.
/// </summary>
/// <param name="model">The open model; the pipeline does not close it.</param>
/// <param name="loading">Receives the progress of opening parts of the model when a stage first needs them; may be null.</param>
/// <param name="warning">Receives non-fatal warnings, on the calling thread; may be null.</param>
/// <param name="note">Receives what was done of itself, such as tiles for a large image, on the calling thread; may be null.</param>
public sealed class DiffusionPipeline(DiffusionModel model, Action<ProgressReport>? loading = null, Action<string>? warning = null, Action<string>? note = null)
{
    internal const double DefaultImageGuidanceScale = 1.5;

    // Of a prompt in a message.
    private const int LongestShown = 100;

    private PipelineMessages Messages => new(loading, warning, note);

    /// <summary>
    /// Whether the parts of the model that a stage does not need are closed before it runs, and opened again when they are needed.
    /// Otherwise that happens where the memory is short.
    /// </summary>
    public bool LowMemory { get; init; }

    /// <summary>The device that the denoising loop is arranged for: that of the model. Tests set another one.</summary>
    internal Device LoopDevice { get; init; } = model.Device;

    /// <summary>What the latents of the model are like.</summary>
    public LatentSpace LatentSpace => model.Info.LatentSpace;

    /// <summary>Encodes a prompt.</summary>
    /// <param name="prompt">The prompt; may be empty.</param>
    /// <param name="options">How the prompt is read; null means as plain text.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="InvalidSettingException">The encoder does not have the layer that the clip skip specifies.</exception>
    /// <exception cref="AdapterNotFoundException">The file of an adapter for the model was not found.</exception>
    /// <exception cref="AdapterInvalidException">An adapter is damaged or does not fit the model.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public TextEmbedding EncodePrompt(string prompt, PromptOptions? options = null, CancellationToken cancellationToken = default)
    {
        TextEmbedding embedding = Encode(prompt, AdapterRecord.Complete(options, model.Adapters), cancellationToken);
        return Record(embedding);
    }

    /// <summary>Encodes a prompt, or finds what the model made of it for an earlier image.</summary>
    /// <inheritdoc cref="EncodePrompt"/>
    internal TextEmbedding EncodeOnce(string prompt, PromptOptions? options, CancellationToken cancellationToken)
    {
        PromptOptions complete = AdapterRecord.Complete(options, model.Adapters) ?? PromptOptions.Default;
        TextEmbedding embedding = model.Prompts.Encode(prompt, complete, () => Encode(prompt, complete, cancellationToken), out bool isKnown);

        // The empty negative prompt of most images is no news.
        if (isKnown && prompt.Length > 0)
            note?.Invoke($"The prompt '{PrintableText.Of(prompt, LongestShown)}' was encoded for an earlier image.");
        return Record(embedding);
    }

    private TextEmbedding Encode(string prompt, PromptOptions? options, CancellationToken cancellationToken)
    {
        using IDisposable use = model.Use(ModelPart.TextEncoder);
        FreeMemory(needed: 0, cancellationToken);
        return model.OpenTextEncoder(loading, cancellationToken).Encode(prompt, options, cancellationToken);
    }

    private TextEmbedding Record(TextEmbedding embedding)
    {
        embedding.Maker = model.Info.Mark;
        embedding.Stages = StageRecord.OfPrompt(model, embedding);
        return embedding;
    }

    /// <summary>The hash of the model, which is built if it was not used before.</summary>
    /// <param name="cancellationToken">Cancels the building.</param>
    internal string? Identify(CancellationToken cancellationToken) => model.Identify(loading, cancellationToken);

    /// <summary>The hash of an autoencoder that is used in place of the model's own.</summary>
    /// <param name="vae">Its name or path.</param>
    /// <param name="cancellationToken">Cancels the reading of its files.</param>
    internal string IdentifyVae(string vae, CancellationToken cancellationToken) => model.Vaes.Identify(model.Vaes.Find(vae), cancellationToken);

    /// <summary>Resizes the image that a denoising starts from, and its mask, to a size that the model supports.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The mask, of the size of the image; null repaints the whole image. A mask of another size is not resized.</param>
    /// <param name="width">The width in pixels; null keeps the aspect ratio if the height is given, or means the image's own width, rounded down to a multiple of 8.</param>
    /// <param name="height">The height in pixels; null keeps the aspect ratio if the width is given, or means the image's own height, rounded down to a multiple of 8.</param>
    /// <param name="mode">The resize mode; null means <see cref="StartImage.DefaultResizeMode"/>. With <see cref="ResizeMode.None"/>, a side that is null is the image's own.</param>
    /// <param name="inpainting">
    /// How the mask is prepared, what the masked part is filled with, whether only the region around the mask is made (at
    /// <paramref name="width"/> and <paramref name="height"/>, whose defaults are the model's then), and whether the kept part is
    /// pasted back; null for the defaults.
    /// </param>
    /// <returns>The image at that size.</returns>
    /// <exception cref="ImageInvalidException">The mode is <see cref="ResizeMode.None"/> and the size differs, or the mask has no region.</exception>
    /// <exception cref="InvalidSettingException">The size cannot be made, or a setting of inpainting is out of range.</exception>
    public StartImage FitImage(DiffusionImage image, MaskImage? mask = null, int? width = null, int? height = null, ResizeMode? mode = null, GenerationSettings? inpainting = null)
    {
        if (inpainting is not null)
            SettingTable.Check(inpainting);
        if (inpainting?.MaskedOnly == true)
            (width, height) = DenoiseStart.CheckSize(width ?? model.Info.Width, height ?? model.Info.Height, model, VaeOptions.From(inpainting));
        return StartImage.Fit(image, mask, width, height, mode, model.Info.LatentFactor, inpainting);
    }

    /// <summary>The step at which a denoising goes on with the refiner of its options.</summary>
    /// <param name="options">The options; the refiner is set.</param>
    /// <param name="isFromImage">Whether it starts from an image.</param>
    /// <returns>The step to stop before.</returns>
    /// <exception cref="InvalidSettingException">There is no step for this model or for the refiner.</exception>
    internal int HandOverStep(DenoiseOptions options, bool isFromImage) => HandOver.Step(DenoiseStart.SchedulerOf(options, model, isFromImage), options, isFromImage, options.Steps ?? model.Info.Steps);

    /// <summary>The steps of a denoising: their timesteps, noise levels and calls of the U-Net. Opens no network.</summary>
    /// <param name="options">The scheduler, its options, the number of steps and, for image-to-image, the strength.</param>
    /// <returns>The steps that are made, one or more.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range; the message names it.</exception>
    /// <exception cref="SchedulerNotFoundException">No scheduler has the name.</exception>
    public IReadOnlyList<ScheduleStep> ScheduleOf(DenoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        SettingTable.Check(options);
        return DenoiseStart.ScheduleOf(options, model);
    }

    /// <summary>The number of steps of a whole denoising.</summary>
    /// <param name="options">The options.</param>
    internal int StepsOf(DenoiseOptions options) => options.Steps ?? model.Info.Steps;

    /// <summary>Throws if this model, as a refiner, cannot go on with the latents of another one.</summary>
    /// <param name="other">The other pipeline.</param>
    /// <exception cref="InvalidSettingException">The latents of the two are of different forms.</exception>
    internal void CheckRefines(DiffusionPipeline other)
    {
        LatentSpace own = LatentSpace, given = other.LatentSpace;
        if (own.Channels != given.Channels || own.Factor != given.Factor || own.ScalingFactor != given.ScalingFactor)
            throw new InvalidSettingException(nameof(GenerationSettings.Refiner), $"The refiner '{model.Info.Name}' has latents of another form than the model '{given.Model}', so that it cannot go on with its denoising. Use a refiner of the same family.");
        if (other.Variant != model.Info.Variant)
            throw new InvalidSettingException(nameof(GenerationSettings.Refiner), $"The refiner '{model.Info.Name}' and the model '{given.Model}' take different inputs: only one of them is for inpainting or for editing. Use models of the same kind.");
    }

    /// <summary>The options as this model takes them: without those that are for another family.</summary>
    /// <param name="options">The options of a request that two models share.</param>
    internal DenoiseOptions Own(DenoiseOptions options) => SettingTable.Create<DenoiseOptions>(row => row.Families is null || model.Family.Takes(row.Name) ? row.Get(options) : null) with
    {
        StartStep = options.StartStep,
        StopStep = options.StopStep,
        DenoisingStart = options.DenoisingStart,
        KeepsPredictions = options.KeepsPredictions,
        Attention = options.Attention,
        Mask = options.Mask,
        Controls = options.Controls,
    };

    /// <summary>The options with the model's defaults for those that a file can be named after.</summary>
    /// <param name="options">The options.</param>
    internal DenoiseOptions Complete(DenoiseOptions options) => options with
    {
        Scheduler = (options.Scheduler is string name ? SchedulerCatalog.Find(name) : SchedulerCatalog.Default(model.SchedulerConfig)).Name,
        Steps = StepsOf(options),
        GuidanceScale = options.GuidanceScale ?? model.Info.GuidanceScale,
        Width = options.Width ?? model.Info.Width,
        Height = options.Height ?? model.Info.Height,
    };

    /// <summary>What an image of a request will record, without its stages.</summary>
    /// <param name="options">The settings of the image.</param>
    /// <param name="start">The image to start from; null for noise.</param>
    /// <param name="hires">The second pass; null for none.</param>
    /// <param name="adapters">The LoRAs.</param>
    /// <param name="words">The textual inversion embeddings.</param>
    /// <param name="recorded">The record that it is compared with.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    internal GenerationInfo Describe(DenoiseOptions options, StartImage? start, HiresPass? hires, AdapterSet adapters, IReadOnlyList<TextualInversion> words, GenerationInfo recorded, CancellationToken cancellationToken) =>
        new ExpectedRecord(model, options.Refiner is null ? options : Own(options), start, hires).Of(adapters, words, recorded, cancellationToken);

    /// <summary>What an image of a request takes, found without opening a network.</summary>
    /// <param name="options">The settings of the image.</param>
    /// <param name="start">The image to start from; null for noise.</param>
    /// <param name="hires">The second pass; null for none.</param>
    internal ImageWork Estimate(DenoiseOptions options, StartImage? start, HiresPass? hires) =>
        new WorkEstimate(model).Of(options.Refiner is null ? options : Own(options) with { Refiner = options.Refiner }, hires, start is null ? null : (start.Image.Width, start.Image.Height), options.Controls.Count);

    /// <summary>What an image took, by what it recorded.</summary>
    /// <param name="made">Its settings.</param>
    /// <exception cref="DiffusionException">They are not complete.</exception>
    internal ImageWork Estimate(GenerationInfo made)
    {
        DenoiseOptions options = SettingTable.Create<DenoiseOptions>(row => row.Get(made));
        (int Width, int Height)? start = made.Strength is not null && made is { Width: int width, Height: int height } ? (width, height) : null;
        return new WorkEstimate(model).Of(options, HiresPass.From(options, start: null), start, made.ControlNets?.Count ?? 0);
    }

    /// <summary>The full path of the model.</summary>
    internal string ModelPath => model.Info.Path;

    /// <summary>The memory of the model's weights on the processor in bytes, found without opening a network.</summary>
    internal long WeightBytes => model.Weights.Own();

    /// <summary>Whether the graphs of the model are there, found without reading its weights.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    internal bool IsBuilt(CancellationToken cancellationToken) => model.FindBuilt(cancellationToken) is not null;

    /// <summary>Whether a negative prompt that is missing is another one than an empty one.</summary>
    /// <param name="syntax">The syntax of the prompts.</param>
    internal bool TellsNothingFromEmpty(string? syntax)
    {
        bool isA1111 = EnumSetting.Parse(nameof(syntax), syntax, PromptSyntax.Plain) == PromptSyntax.A1111;
        return model.Family.ZerosNegativePrompt(model.Pipeline, null, isA1111) != model.Family.ZerosNegativePrompt(model.Pipeline, string.Empty, isA1111);
    }

    private ModelVariant? Variant => model.Info.Variant;

    /// <summary>Checks settings, as far as that is possible before a network is opened.</summary>
    /// <param name="options">The options of the denoising; the mask of the start image is used, not theirs.</param>
    /// <param name="start">The image to start from; null starts from noise.</param>
    /// <returns>The size of the new image, in pixels.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range; the message names it.</exception>
    /// <exception cref="SchedulerNotFoundException">No scheduler has the name.</exception>
    /// <exception cref="ImageInvalidException">The mask differs in size from the image.</exception>
    public (int Width, int Height) Check(DenoiseOptions options, StartImage? start = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Refiner is not null)
            options = Own(options);
        SettingCheck.All(options, model);
        if (DetailPass.From(options, []) is not null)
            SettingCheck.DetailSize(options.Detail!, model);
        HiresPass? second = HiresPass.From(options, start);
        (int width, int height) = second?.First is StartImage first ? (first.Image.Width, first.Image.Height) : DenoiseStart.Check(model, options, start);
        if (options.Refiner is not null)
            HandOverStep(options, isFromImage: start is not null);
        if (second is null)
        {
            DenoiseStart.WindowsOf(options, model, width, height);
            return (width, height);
        }

        if (Variant == ModelVariant.InstructPix2Pix)
            throw new InvalidSettingException(nameof(HiresSettings.HiresScale), $"The model '{model.Info.Name}' edits images by instructions and has no second pass. Omit the settings whose names begin with Hires, or use another model.");
        (int firstWidth, int firstHeight) = (width, height);
        (width, height) = second.SizeOf(width, height, model.Info.LatentFactor);
        if (width <= firstWidth && height <= firstHeight && !second.KeepsSize)
            throw new InvalidSettingException(nameof(HiresSettings.HiresScale), $"The second pass would have {width}x{height} pixels, which is not larger than the first pass of {firstWidth}x{firstHeight}: sides are rounded down to multiples of {model.Info.LatentFactor}. Give a larger HiresScale, HiresWidth or HiresHeight.");
        DenoiseStart.CheckSecond(model, options, second);
        (int madeWidth, int madeHeight) = second.TileOf(width, height);
        DenoiseStart.CheckSize(madeWidth, madeHeight, model, VaeOptions.From(options), DenoiseStart.StepSide(options, model));
        DenoiseStart.WindowsOf(options, model, madeWidth, madeHeight);
        return (width, height);
    }

    /// <summary>Checks the settings of a denoising, as far as that is possible before a network is opened.</summary>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="start">The latent to start from; null starts from noise.</param>
    /// <exception cref="InvalidSettingException">An option is out of range; the message names it.</exception>
    /// <exception cref="SchedulerNotFoundException">No scheduler has the name.</exception>
    /// <exception cref="ShapeMismatchException">The latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent contains a value that is NaN or infinite.</exception>
    /// <exception cref="ImageInvalidException">The mask differs in size from the latent's image.</exception>
    public void Check(DenoiseOptions options, Latent? start)
    {
        if (start is null)
        {
            Check(options);
            return;
        }

        ArgumentNullException.ThrowIfNull(options);
        SettingCheck.All(options, model);
        DenoiseStart.Check(model, options, start);
    }

    /// <summary>Throws for an image to start from whose new size the model cannot make, as far as the size shows it.</summary>
    /// <param name="ownWidth">The width of the image in pixels.</param>
    /// <param name="ownHeight">The height of the image in pixels.</param>
    /// <param name="width">As for <see cref="FitImage"/>.</param>
    /// <param name="height">As for <see cref="FitImage"/>.</param>
    /// <param name="mode">As for <see cref="FitImage"/>.</param>
    /// <exception cref="InvalidSettingException">The size cannot be made.</exception>
    internal void CheckStart(int ownWidth, int ownHeight, int? width, int? height, ResizeMode? mode)
    {
        (int newWidth, int newHeight) = StartImage.SizeOf(ownWidth, ownHeight, width, height, mode ?? StartImage.DefaultResizeMode, model.Info.LatentFactor);
        DenoiseStart.CheckSize(newWidth, newHeight, model, new VaeOptions());
    }

    /// <summary>Encodes an image into a latent.</summary>
    /// <param name="image">The image; width and height are multiples of 8.</param>
    /// <param name="seed">Samples the latent with this seed, as image-to-image does; -1 draws a random one, null uses the mean of the distribution.</param>
    /// <param name="randomSource">The random number generator that the seed is for.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>The clean latent.</returns>
    /// <exception cref="InvalidSettingException">Width or height is not a multiple of 8.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public Latent EncodeImage(DiffusionImage image, long? seed = null, RandomSource randomSource = RandomSource.TorchCpu, CancellationToken cancellationToken = default) =>
        EncodeImage(image, ResizeMode.None, seed, randomSource, new VaeOptions(), cancellationToken);

    /// <summary>Encodes a resized image into a latent, which records the resize mode.</summary>
    /// <param name="start">The image; width and height are multiples of 8.</param>
    /// <param name="seed">Samples the latent with this seed, as image-to-image does; -1 draws a random one, null uses the mean of the distribution.</param>
    /// <param name="randomSource">The random number generator that the seed is for.</param>
    /// <param name="vae">Whether to encode in tiles; null means by itself.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>The clean latent.</returns>
    /// <exception cref="InvalidSettingException">Width or height is not a multiple of 8, or an option is out of range.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public Latent EncodeImage(StartImage start, long? seed = null, RandomSource randomSource = RandomSource.TorchCpu, VaeOptions? vae = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(start);
        return EncodeImage(start.Image, start.ResizeMode, seed, randomSource, vae ?? new VaeOptions(), cancellationToken);
    }

    /// <summary>Encodes an image that was resized in a way.</summary>
    internal Latent EncodeImage(DiffusionImage image, ResizeMode resizeMode, long? seed, RandomSource randomSource, VaeOptions vae, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckVae(vae);
        DenoiseStart.CheckSize(image.Width, image.Height, model, vae, stepSide: 0);
        if (seed is not null)
        {
            SettingTable.Find(nameof(GenerationSettings.Seed)).Check(seed);
            seed = RandomSeed.Resolve(seed);
        }

        INoiseSource? noise = seed is long value ? LatentNoise.CreateGenerator(value, randomSource) : null;
        Tensor pixels = PixelTensor.FromImage(image);
        using IDisposable use = model.Use(ModelPart.VaeEncoder);
        FreeMemory(new MemoryEstimate(model, vae).Whole(image.Width, image.Height), cancellationToken);
        Autoencoder autoencoder = new(model, vae, Messages);
        (Tensor tensor, Tensor mean) = autoencoder.Encode(pixels, noise, cancellationToken);
        GenerationInfo info = new()
        {
            Width = image.Width,
            Height = image.Height,
            Seed = seed,
            RandomSource = seed is null ? null : randomSource.ToString(),
            ResizeMode = resizeMode == ResizeMode.None ? null : resizeMode.ToString(),
            Tiling = vae.Seamless?.ToString(),
            Model = model.Info.Name,
        };
        info = SettingTable.WithoutDefaults(autoencoder.Record(info, cancellationToken));
        return new Latent(tensor, info with { Stages = StageRecord.OfImage(model, image, info, tensor) }) { Maker = model.Info.Mark, Noise = noise, SourcePixels = pixels, SourceMean = mean };
    }

    /// <summary>Denoises: from noise alone, from a clean latent to which noise is added, or from a latent that was stopped halfway.</summary>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="negative">The embedding of the negative prompt; null uses that of the empty prompt if the guidance needs one.</param>
    /// <param name="start">The latent to start from; null starts from noise.</param>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="progress">Called after each step, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels the stage within about two seconds, and at once between two operators of a graph.</param>
    /// <returns>The latent, finished or stopped at the stop step.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range; the message names it.</exception>
    /// <exception cref="SchedulerNotFoundException">No scheduler has the name.</exception>
    /// <exception cref="ShapeMismatchException">An embedding or latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">An embedding or latent contains a value that is NaN or infinite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the values became infinite.</exception>
    public Latent Denoise(
        TextEmbedding embedding,
        TextEmbedding? negative,
        Latent? start,
        DenoiseOptions options,
        Action<StepProgress>? progress = null,
        CancellationToken cancellationToken = default) => RunDenoising(new DenoiseJob(embedding, negative, start, options), checkpoint: null, progress, cancellationToken);

    /// <summary>Denoises, or goes on with a denoising that another process began.</summary>
    /// <param name="job">The denoising.</param>
    /// <param name="checkpoint">Where its state is kept; null for nowhere.</param>
    /// <param name="progress">As for <see cref="Denoise"/>.</param>
    /// <param name="cancellationToken">As there.</param>
    internal Latent RunDenoising(DenoiseJob job, DenoiseCheckpoint? checkpoint, Action<StepProgress>? progress, CancellationToken cancellationToken)
    {
        (TextEmbedding embedding, TextEmbedding? negative, Latent? start, DenoiseOptions options) = job;
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(options);
        Check(options, start);
        PreparedDenoising? prepared = null;
        DenoiseStep last = default;
        bool isJoined = false, isReporting = false;
        Latent? reached = null;
        try
        {
            return Run();
        }
        catch (InferenceException error) when (isJoined && !isReporting && OnnxFault.IsMemory(error.InnerException))
        {
            // The next image of this size does not try it again.
            model.SmallestInTwoRuns = Math.Min(model.SmallestInTwoRuns, prepared!.Request.Sample.Length);
            note?.Invoke($"The predictions for the prompt and the negative prompt do not fit into the memory in one run of the U-Net, so they are made in two. {error.Message}");
            if (last.Row is not null)
                reached = prepared.Capture(last.Sample.Clone(), last.Call + 1);
        }

        // A session that was stopped for its memory keeps it until it is closed.
        model.CloseUnused(cancellationToken);
        return Run();

        Latent Run()
        {
            using IDisposable use = model.Use(ModelPart.UNet);
            UNet unet = OpenUNet(options, cancellationToken);
            prepared = Prepare(embedding, negative, start, options, unet, cancellationToken);
            FreeMemory(new MemoryEstimate(model, VaeOptions.From(options)) { StepSide = DenoiseStart.StepSide(options, model) }.Steps(prepared.Width, prepared.Height) + (prepared.Request.Attention?.Bytes ?? 0), cancellationToken);
            if ((reached ?? checkpoint?.Find(prepared.MostStateBytes)) is Latent kept)
            {
                if (prepared.GoOn(kept) is PreparedDenoising rest)
                    prepared = rest;
                else if (reached is null)
                    checkpoint!.Refuse();
            }

            last = default;
            DenoiseRequest request = prepared.Request with { KeepsPredictions = options.KeepsPredictions, KeepsClean = progress is not null };
            Denoiser denoiser = new(unet);
            isJoined = request.Sample.Length < model.SmallestInTwoRuns && SharedRuns.JoinsSides(LoopDevice, request, unet);
            Tensor result = isJoined ? denoiser.RunJoined(request, AfterCall, cancellationToken) : denoiser.Run(request, AfterCall, cancellationToken);
            NoteRecording(unet);
            return prepared.Capture(result, last.Row is null ? request.NextCall : last.Call + 1, last.Row);
        }

        void AfterCall(DenoiseStep call)
        {
            last = call;
            isReporting = true;
            if (progress is not null || checkpoint is not null)
                prepared!.Report(call, Step, clean => PreviewOf(clean, options, cancellationToken));
            isReporting = false;
        }

        void Step(StepProgress step)
        {
            checkpoint?.Keep(step);
            progress?.Invoke(step);
        }
    }

    /// <summary>Says what is to be said of recorded runs.</summary>
    /// <param name="unet">The U-Net that ran.</param>
    internal void NoteRecording(UNet unet)
    {
        if (unet.TakeRecordingNote() is string said)
            note?.Invoke($"The U-Net {said}");
    }

    /// <summary>Denoises, and shows each step to a function that may change what follows.</summary>
    /// <param name="job">The denoising.</param>
    /// <param name="onStep">Called after each step, on the calling thread. What it throws ends the denoising.</param>
    /// <param name="progress">Called after each step, before <paramref name="onStep"/>; may be null.</param>
    /// <param name="cancellationToken">As for <see cref="Denoise"/>.</param>
    /// <returns>The latent. What was changed is in its record: each change begins a stage.</returns>
    /// <inheritdoc cref="Denoise" path="/exception"/>
    public Latent DenoiseInSteps(DenoiseJob job, Action<DenoisingStep> onStep, Action<StepProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(onStep);
        return SteeredDenoising.Run(this, job, onStep, progress, cancellationToken);
    }

    /// <summary>Adds noise to a clean latent, as the training of the model does: x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) epsilon. Opens no network.</summary>
    /// <param name="latent">The clean latent.</param>
    /// <param name="timestep">The timestep, 0 (nearly no noise) to 999 for models trained with 1000 timesteps; null if <paramref name="sigma"/> is given.</param>
    /// <param name="sigma">The noise level, the standard deviation of the noise for each unit of the clean latent, 0 or more; null if <paramref name="timestep"/> is given. The result has the variance of a timestep's.</param>
    /// <param name="seed">The seed of the noise; null or -1 for a random one.</param>
    /// <param name="randomSource">The random number generator that the seed is for.</param>
    /// <returns>The latent with noise. The noise is a stage of its record.</returns>
    /// <exception cref="InvalidSettingException">A number is out of range, or the latent has noise already.</exception>
    /// <exception cref="ShapeMismatchException">The latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent contains a value that is NaN or infinite.</exception>
    public Latent AddNoise(Latent latent, int? timestep, double? sigma = null, long? seed = null, RandomSource randomSource = RandomSource.TorchCpu)
    {
        ArgumentNullException.ThrowIfNull(latent);
        return new NoiseMeasurement(model).AddNoise(latent, timestep, sigma, seed, randomSource);
    }

    /// <summary>Timesteps in the middles of equal parts of the training's range.</summary>
    /// <param name="count">The number of timesteps, 1 or more.</param>
    /// <returns>The timesteps, from the cleanest.</returns>
    /// <exception cref="InvalidSettingException">There are not as many timesteps.</exception>
    public IReadOnlyList<int> SpreadTimesteps(int count) => new NoiseMeasurement(model).Spread(count);

    /// <summary>Measures the loss of the training: how well the U-Net predicts the noise that is added to a clean latent.</summary>
    /// <param name="latent">The clean latent.</param>
    /// <param name="embedding">The embedding of the prompt; of one that changes between steps, the first text is used.</param>
    /// <param name="timesteps">The timesteps, 0 to 999 for models trained with 1000 timesteps.</param>
    /// <param name="repeat">The number of seeds for each timestep, 1 to 10,000.</param>
    /// <param name="seed">The first seed; null or -1 for a random one.</param>
    /// <param name="randomSource">The random number generator that the seeds are for.</param>
    /// <param name="result">Receives the loss at each timestep, on the calling thread.</param>
    /// <param name="progress">Called before each timestep with its number, from 0; may be null.</param>
    /// <param name="cancellationToken">Cancels the predictions.</param>
    /// <exception cref="InvalidSettingException">A number is out of range, or the latent has noise already.</exception>
    /// <exception cref="ShapeMismatchException">The latent or the embedding does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent or the embedding contains a value that is NaN or infinite.</exception>
    /// <exception cref="ModelInvalidException">The U-Net takes more than a latent, a timestep and a text.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the prediction is not finite.</exception>
    public void MeasureNoisePrediction(Latent latent, TextEmbedding embedding, IReadOnlyList<int> timesteps, int repeat, long? seed, RandomSource randomSource, Action<NoisePredictionLoss> result, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latent);
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(timesteps);
        ArgumentNullException.ThrowIfNull(result);
        NoiseMeasurement measurement = new(model);
        using IDisposable use = model.Use(ModelPart.UNet);
        FreeMemory(needed: 0, cancellationToken);
        UNet unet = model.OpenUNet(loading, cancellationToken);
        DenoisePreparation.CheckEmbedding(embedding, unet, model);
        foreach (NoisePredictionLoss loss in measurement.Measure(unet, latent, embedding, timesteps, repeat, seed, randomSource, progress, cancellationToken))
            result(loss);
    }

    /// <summary>Lists the tokens of a prompt.</summary>
    /// <param name="prompt">The prompt; may be empty.</param>
    /// <param name="options">How the prompt is read; null means as plain text.</param>
    /// <param name="neighbors">How many of the nearest entries of the vocabulary are found for each token, 0 to 1000.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The tokens of each text encoder, with those that mark start and end.</returns>
    /// <exception cref="InvalidSettingException">The prompt is too long, or a number is out of range.</exception>
    /// <exception cref="ModelInvalidException">Neighbors are asked for, and the text encoder is a graph of another exporter.</exception>
    public IReadOnlyList<PromptTokenInfo> ListTokens(string prompt, PromptOptions? options = null, int neighbors = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        Setting.CheckRange("Neighbor", neighbors, 0, TokenNeighbors.Most);
        using IDisposable use = model.Use(ModelPart.TextEncoder);
        FreeMemory(needed: 0, cancellationToken);
        TextEncoder encoder = model.OpenTextEncoder(loading, cancellationToken);
        return encoder.ListTokens(prompt, AdapterRecord.Complete(options, model.Adapters), neighbors, part => model.ReadTokenVectors(part, loading, cancellationToken), cancellationToken);
    }

    /// <summary>Opens the U-Net for a denoising.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    internal UNet OpenUNet(DenoiseOptions options, CancellationToken cancellationToken) => options.Controls.Count > 0
        ? model.OpenControlledUNet(loading, cancellationToken, options.ToTiling())
        : model.OpenUNet(loading, cancellationToken, options.ToTiling());

    /// <summary>Divides denoisings into batches, each of which goes through the U-Net together.</summary>
    /// <param name="jobs">The denoisings.</param>
    /// <param name="size">The most of them in a batch, 1 or more. Fewer are taken where the memory is short.</param>
    /// <param name="onJob">Called before each job is prepared, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels the preparation, and the batches within about two seconds.</param>
    /// <returns>The batches. An error of one job is in its result alone.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public DeviceBatches Divide(IReadOnlyList<DenoiseJob> jobs, int size, Action<int>? onJob = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return new DeviceBatches(this, model, jobs, size, onJob, Messages, cancellationToken);
    }

    /// <summary>Prepares a denoising.</summary>
    /// <param name="embedding">As for <see cref="Denoise"/>.</param>
    /// <param name="negative">As for <see cref="Denoise"/>.</param>
    /// <param name="start">As for <see cref="Denoise"/>.</param>
    /// <param name="options">As for <see cref="Denoise"/>.</param>
    /// <param name="unet">The U-Net, whose use has begun.</param>
    /// <param name="cancellationToken">Cancels the preparation.</param>
    internal PreparedDenoising Prepare(TextEmbedding embedding, TextEmbedding? negative, Latent? start, DenoiseOptions options, UNet unet, CancellationToken cancellationToken) =>
        new DenoisePreparation(this, model, Messages).Run(new DenoiseJob(embedding, negative, start, options), unet, cancellationToken);

    /// <summary>Decodes a latent into an image.</summary>
    /// <param name="latent">The latent; one that was stopped halfway gives a noisy image.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>The image.</returns>
    /// <exception cref="ShapeMismatchException">The latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent contains a value that is NaN or infinite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the image is not finite.</exception>
    public DiffusionImage Decode(Latent latent, CancellationToken cancellationToken = default) => Decode(latent, vae: null, cancellationToken);

    /// <summary>Decodes a latent into an image, as a whole or in tiles.</summary>
    /// <param name="latent">The latent; one that was stopped halfway gives a noisy image.</param>
    /// <param name="vae">Whether to decode in tiles; null means by itself.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>The image.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range, or there is not enough memory.</exception>
    /// <exception cref="ShapeMismatchException">The latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent contains a value that is NaN or infinite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the image is not finite.</exception>
    public DiffusionImage Decode(Latent latent, VaeOptions? vae, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latent);
        vae ??= new VaeOptions();
        vae = vae with { Seamless = vae.Seamless ?? latent.Info.ToTiling() };
        CheckVae(vae);
        latent.CheckFinite();
        (int width, int height) = (latent.Tensor.Shape[3] * model.Info.LatentFactor, latent.Tensor.Shape[2] * model.Info.LatentFactor);
        MemoryEstimate memory = new(model, vae) { StepSide = 0 };
        memory.Check(width, height);
        using IDisposable use = model.Use(ModelPart.VaeDecoder);
        FreeMemory(memory.Whole(width, height), cancellationToken);
        Autoencoder autoencoder = new(model, vae, Messages);
        Tensor decoded = autoencoder.Decode(latent.Tensor, cancellationToken);
        byte[] pixels = PixelTensor.ToPixels(decoded, vae.Rounding);
        GenerationInfo info = autoencoder.Record(latent.Info, cancellationToken) with
        {
            Width = decoded.Shape[3],
            Height = decoded.Shape[2],
            Tiling = vae.Seamless == Tiling.None ? null : vae.Seamless.ToString(),
            Model = model.Info.Name,
            ModelHash = model.Info.Hash,
        };
        return new DiffusionImage(decoded.Shape[3], decoded.Shape[2], pixels, info with { Stages = StageRecord.OfDecoding(model, info, latent.Origin(), pixels, vae.Rounding) })
        {
            Overlay = latent.Overlay?.Of(latent.Tensor, decoded.Shape[3], decoded.Shape[2]),
        };
    }

    /// <summary>Shows a latent without decoding it: by the colors of its cells, if these are known for the model. Otherwise it is decoded.</summary>
    /// <param name="latent">The latent.</param>
    /// <param name="vae">How to decode it; null means by the defaults.</param>
    /// <param name="cancellationToken">Cancels the stage.</param>
    /// <returns>An image with a pixel for each cell, whose record says that it is a preview; or the decoded image.</returns>
    /// <inheritdoc cref="Decode(Latent, VaeOptions, CancellationToken)"/>
    public DiffusionImage Preview(Latent latent, VaeOptions? vae = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latent);
        if (LatentColors.Of(LatentSpace) is LatentColors colors)
            return LatentPreview.Create(latent, colors);
        note?.Invoke($"The colors of the latents of '{model.Info.Name}' are not known, so that the preview is decoded.");
        return Decode(latent, vae, cancellationToken);
    }

    /// <summary>Shows the clean latent that a step of a denoising predicted.</summary>
    /// <param name="clean">The latent.</param>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="cancellationToken">Cancels the decoding.</param>
    internal DiffusionImage PreviewOf(Latent clean, DenoiseOptions options, CancellationToken cancellationToken) =>
        LatentColors.Of(LatentSpace) is LatentColors colors ? LatentPreview.Create(clean, colors) : Decode(clean, VaeOptions.From(options), cancellationToken);

    /// <summary>Closes the parts that no stage uses, if that was asked for or the memory for this stage is short.</summary>
    /// <param name="needed">The memory for this stage, in bytes.</param>
    /// <param name="cancellationToken">Cancels the waiting for a part that is being opened.</param>
    internal void FreeMemory(long needed, CancellationToken cancellationToken)
    {
        if (!LowMemory && MemoryWatch.HasRoom(needed))
            return;

        IReadOnlyList<ModelPart> closed = model.CloseUnused(cancellationToken);
        if (closed.Count > 0)
            note?.Invoke($"Closed to free memory: {string.Join(", ", closed.Select(static part => part switch { ModelPart.TextEncoder => "text encoder", ModelPart.UNet => "U-Net", ModelPart.VaeEncoder => "VAE encoder", _ => "VAE decoder" }))}.");
    }

    /// <summary>The embedding of the negative prompt that a denoising uses: that of the empty prompt if none is given and the guidance needs one.</summary>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="negative">The given one; null for none.</param>
    /// <param name="guidanceScale">The guidance scale; null means the model's.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    /// <returns>The embedding; null for none.</returns>
    internal TextEmbedding? CompleteNegative(TextEmbedding embedding, TextEmbedding? negative, double? guidanceScale, CancellationToken cancellationToken)
    {
        if (!NeedsNegative(embedding, guidanceScale ?? model.Info.GuidanceScale))
            return negative;

        return model.Family.ZerosNegativePrompt(model.Pipeline, negative?.Prompt, embedding.PromptSyntax == PromptSyntax.A1111)
            ? TextEmbedding.Nothing(embedding)
            : negative ?? EncodeOnce(string.Empty, embedding.Options, cancellationToken);
    }

    /// <summary>Whether the guidance needs an embedding of the negative prompt.</summary>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="guidanceScale">The guidance scale.</param>
    internal static bool NeedsNegative(TextEmbedding embedding, double guidanceScale) => guidanceScale > Guidance.NeutralScale || embedding.DynamicText is not null;

    private void CheckVae(VaeOptions vae)
    {
        vae.Check();
        if (vae is { Vae: null, Seamless: not (null or Tiling.None) })
            model.CheckTiling();
    }
}
