using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines.Details;
using StableDiffusion.Pipelines.Estimates;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>
/// Makes images of one prompt, one by one, with all stages of a pipeline. The prompts are encoded once. The
/// seeds are determined before the first image is made.
/// </summary>
public sealed class TextToImage
{
    /// <summary>The highest number of images of one request.</summary>
    public const int HighestCount = 100_000;

    private readonly TextToImageRequest _request;
    private readonly DenoiseOptions _options;
    private readonly HiresPass? _hires;
    private readonly DetailPass? _detail;
    private TextEmbedding? _hiresEmbedding;
    private TextEmbedding? _hiresNegative;
    private TextEmbedding? _embedding;
    private TextEmbedding? _negative;
    private TextEmbedding? _refinerEmbedding;
    private TextEmbedding? _refinerNegative;

    /// <summary>Draws the random seeds. No model is needed yet.</summary>
    /// <param name="request">The request.</param>
    /// <exception cref="InvalidSettingException">The count is out of range, there are not enough seeds for it, or settings cannot be combined; the message names them.</exception>
    public TextToImage(TextToImageRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentException.ThrowIfNullOrEmpty(request.Options.Prompt);
        PromptLimit.Check(nameof(request.Options.Prompt), request.Options.Prompt);
        PromptLimit.Check(nameof(request.Options.NegativePrompt), request.Options.NegativePrompt);
        Setting.CheckRange(nameof(request.Count), request.Count, 1, HighestCount);
        if (request.SharedGenerator && request.Options.BatchSize is not null)
            throw new InvalidSettingException(nameof(request.SharedGenerator), "SharedGenerator makes a batch of its own. Omit it, or omit BatchSize and BatchIndex.");
        if (request.SharedGenerator && request.Count > NoiseOptions.HighestBatchSize)
            throw new InvalidSettingException(nameof(request.Count), $"Count is {request.Count}, but no more than {NoiseOptions.HighestBatchSize} images can share a generator.");

        _request = request;
        _hires = HiresPass.From(request.Options, request.Start);
        if (_hires?.Network is string network && request.Upscale is null)
            throw new InvalidSettingException(nameof(HiresSettings.HiresUpscaler), $"There is no upscaler '{PrintableText.Of(network)}' for the second pass. Choose one of these: {string.Join(", ", HiresPass.LatentUpscalers)}; or Lanczos, Bicubic or Nearest.");
        if (_hires is not null && request.Options.Refiner is not null)
            throw new InvalidSettingException(nameof(HiresSettings.HiresScale), "An image with a second pass cannot have a refiner too. Omit Refiner, or HiresScale, HiresWidth and HiresHeight.");
        _detail = DetailPass.From(request.Options, request.TextualInversions);
        if (_detail is not null && request.FindRegions is null)
            throw new InvalidSettingException(nameof(DetailSettings.Detailer), $"There is no detector '{PrintableText.Of(request.Options.Detail!.Detailer!)}' to find regions with. Give the request one, or omit Detailer.");
        PromptOptions = PromptOptions.From(request.Options, request.TextualInversions);
        _options = request.Options with { Seed = RandomSeed.Resolve(request.Options.Seed), Detail = null };
        if (_options.Refiner is not null)
        {
            _options = _options with
            {
                RefinerSwitchAt = _options.RefinerSwitchAt ?? HandOver.DefaultSwitchAt,
                RefinerMode = EnumSetting.ParseOrNull<RefinerMode>(nameof(_options.RefinerMode), _options.RefinerMode)?.ToString(),
            };
        }

        if (IsVaried)
        {
            _options = _options with { VariationSeed = RandomSeed.Resolve(_options.VariationSeed) };
            CheckSeeds(nameof(_options.VariationSeed), _options.VariationSeed.Value);
        }
        else if (!request.SharedGenerator)
        {
            CheckSeeds(nameof(_options.Seed), _options.Seed.Value);
        }
    }

    /// <summary>The number of images.</summary>
    public int Count => _request.Count;

    /// <summary>How the prompts are read.</summary>
    public PromptOptions PromptOptions { get; }

    private bool IsVaried => _request.Options.VariationStrength > 0;

    /// <summary>The settings of one image, with its seed.</summary>
    /// <param name="index">The index of the image, from 0 to one less than <see cref="Count"/>.</param>
    /// <remarks>As in A1111, variations of one seed keep it, and each uses the next variation seed.</remarks>
    public DenoiseOptions OptionsOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return _options with
        {
            Seed = _options.Seed + (IsVaried || _request.SharedGenerator ? 0 : index),
            VariationSeed = _options.VariationSeed + (IsVaried ? index : 0),
            BatchSize = _request.SharedGenerator ? Count : _options.BatchSize,
            BatchIndex = _request.SharedGenerator ? index : _options.BatchIndex,
        };
    }

    /// <summary>What one image takes, found without opening a network.</summary>
    /// <param name="pipeline">The pipeline of the model that begins.</param>
    /// <param name="index">The index of the image.</param>
    internal ImageWork Estimate(DiffusionPipeline pipeline, int index) => pipeline.Estimate(OptionsOf(index) with { Detail = _request.Options.Detail }, _request.Start, _hires);

    /// <summary>What one image will record, without its stages, found without opening a network.</summary>
    /// <param name="pipeline">The pipeline of the model that begins.</param>
    /// <param name="index">The index of the image.</param>
    /// <param name="adapters">The LoRAs.</param>
    /// <param name="recorded">The record that it is compared with; what depends on the memory that is free is as there.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    internal GenerationInfo Describe(DiffusionPipeline pipeline, int index, AdapterSet adapters, GenerationInfo recorded, CancellationToken cancellationToken)
    {
        GenerationInfo info = pipeline.Describe(OptionsOf(index), _request.Start, _hires, adapters, _request.TextualInversions, recorded, cancellationToken);
        return _detail?.Describe(info) ?? info;
    }

    /// <summary>Makes one image.</summary>
    /// <param name="pipeline">The pipeline; all images of a request must be made with the same model.</param>
    /// <param name="index">The index of the image, from 0 to one less than <see cref="Count"/>.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The image, which records how it was made.</returns>
    /// <exception cref="DiffusionException">A setting is out of range or the model cannot be run; see the stages of <see cref="DiffusionPipeline"/>.</exception>
    public DiffusionImage Make(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        if (_options.Refiner is not null)
            throw new InvalidSettingException(nameof(_options.Refiner), $"The request has the refiner '{_options.Refiner}', and its pipeline is not given. Give it, or omit Refiner.");
        if (_hires?.First is StartImage first)
        {
            Encode(pipeline, observer, cancellationToken);
            return RepaintTiles(pipeline, first.Image, OptionsOf(index), pipeline.StepsOf(_options), observer, cancellationToken);
        }

        return Decode(pipeline, Denoise(pipeline, index, observer, cancellationToken), observer, cancellationToken);
    }

    /// <summary>Makes one image with a refiner, which the options of the request name.</summary>
    /// <param name="pipeline">The pipeline of the model that begins and that decodes.</param>
    /// <param name="refiner">The pipeline of the refiner.</param>
    /// <param name="index">The index of the image, from 0 to one less than <see cref="Count"/>.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The image, which records how it was made.</returns>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public DiffusionImage Make(DiffusionPipeline pipeline, DiffusionPipeline refiner, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(refiner);
        refiner.CheckRefines(pipeline);
        return Decode(pipeline, Refine(refiner, Denoise(pipeline, index, observer, cancellationToken), index, observer, cancellationToken), observer, cancellationToken);
    }

    /// <summary>Encodes the prompts, the first of the three parts of <see cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>. They are kept for all images of the request.</summary>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public void Encode(DiffusionPipeline pipeline, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        Encode(pipeline, ref _embedding, ref _negative, _options.GuidanceScale, observer, cancellationToken);
        if (_hires is null || _hiresEmbedding is not null)
            return;

        observer ??= new StageObserver();
        _hiresEmbedding = _hires.Prompt == _options.Prompt ? _embedding! : Encode(pipeline, _hires.Prompt, observer, cancellationToken);
        TextEmbedding? negative = _hires.NegativePrompt is null ? null : _hires.NegativePrompt == _options.NegativePrompt && _negative is not null ? _negative : Encode(pipeline, _hires.NegativePrompt, observer, cancellationToken);
        _hiresNegative = pipeline.CompleteNegative(_hiresEmbedding, negative, _hires.GuidanceScale, cancellationToken);
    }

    private void Encode(DiffusionPipeline pipeline, ref TextEmbedding? embedding, ref TextEmbedding? negative, double? guidanceScale, StageObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        observer ??= new StageObserver();
        embedding ??= Encode(pipeline, _options.Prompt!, observer, cancellationToken);
        negative ??= pipeline.CompleteNegative(
            embedding, _options.NegativePrompt is null ? null : Encode(pipeline, _options.NegativePrompt, observer, cancellationToken), guidanceScale, cancellationToken);
    }

    private TextEmbedding Encode(DiffusionPipeline pipeline, string prompt, StageObserver observer, CancellationToken cancellationToken)
    {
        TextEmbedding encoded = observer.Run(Stage.TextEncoder, () => pipeline.EncodeOnce(prompt, PromptOptions, cancellationToken));
        observer.OnEncoded(encoded);
        return encoded;
    }

    /// <summary>Denoises one image, the second of the three parts of <see cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>.</summary>
    /// <returns>The latent of the image.</returns>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public Latent Denoise(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        DenoiseJob job = Prepare(pipeline, index, observer, cancellationToken);
        observer ??= new StageObserver();
        Latent latent = observer.Run(Stage.Denoising, () => pipeline.RunDenoising(job, observer.Checkpoint, observer.OnStep, cancellationToken));
        return Enlarge(pipeline, index, latent, observer, cancellationToken);
    }

    /// <summary>Makes the second pass of an image whose first one was denoised; part of <see cref="Denoise"/>.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="index">The index of the image.</param>
    /// <param name="latent">The latent of the first pass.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The latent of the second pass; that of the first one if there is no other.</returns>
    /// <remarks>If it is made in tiles, that is a part of <see cref="Decode"/>, since tiles are those of an image.</remarks>
    public Latent Enlarge(DiffusionPipeline pipeline, int index, Latent latent, StageObserver? observer = null, CancellationToken cancellationToken = default) => _hires is null or { IsInTiles: true }
        ? latent
        : _hires.Run(pipeline, latent, _hiresEmbedding!, _hiresNegative, OptionsOf(index), _request.Upscale, observer ?? new StageObserver(), cancellationToken);

    /// <summary>Makes what <see cref="Denoise"/> denoises, for <see cref="DiffusionPipeline.Divide"/>: the embeddings, and the latent of the image to start from.</summary>
    /// <returns>The denoising.</returns>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public DenoiseJob Prepare(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        Encode(pipeline, observer, cancellationToken);
        observer ??= new StageObserver();
        if (_hires?.First is not null)
            throw new InvalidSettingException(nameof(HiresSettings.HiresTileSize), "An image that is made again in tiles has no latent as a whole. Make it in one go.");
        DenoiseOptions options = OptionsOf(index);
        if (options.Refiner is not null)
            options = pipeline.Own(options) with { StopStep = pipeline.HandOverStep(options, isFromImage: _request.Start is not null) };
        RandomSource source = options.ToNoise().RandomSource ?? default;
        Latent? start = _request.Start is StartImage image
            ? observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(image, options.Seed, source, VaeOptions.From(options), cancellationToken))
            : null;
        return new DenoiseJob(_embedding!, _negative, start, options with { Hires = null });
    }

    /// <summary>Goes on with a denoising that stopped for the refiner. The prompts are encoded anew, and LoRAs and ControlNets have no part in it.</summary>
    /// <param name="refiner">The pipeline of the refiner; all images of a request must be made with the same one.</param>
    /// <param name="stopped">What <see cref="Denoise"/> returned.</param>
    /// <param name="index">The index of the image.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The latent of the image, for the first model to decode.</returns>
    /// <exception cref="DiffusionException">The refiner cannot be run, or its latents are of another form.</exception>
    public Latent Refine(DiffusionPipeline refiner, Latent stopped, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(refiner);
        ArgumentNullException.ThrowIfNull(stopped);
        observer ??= new StageObserver();
        GenerationInfo before = stopped.Info;
        Encode(refiner, ref _refinerEmbedding, ref _refinerNegative, before.GuidanceScale, observer, cancellationToken);
        DenoiseOptions all = OptionsOf(index);
        bool goesOn = all.RefinerMode == nameof(RefinerMode.A1111);
        DenoiseOptions options = refiner.Own(all) with
        {
            Model = null,
            Lora = null,
            Strength = null,
            GuidanceScale = before.GuidanceScale,
            Steps = goesOn ? before.Steps : stopped.StepCount,
            Mask = null,
            Controls = [],
            DenoisingStart = goesOn ? null : all.RefinerSwitchAt,
        };
        Latent result = observer.Run(Stage.Denoising, () => refiner.Denoise(_refinerEmbedding!, _refinerNegative, stopped, options, observer.OnStep, cancellationToken));

        // The settings of the image are those of both models.
        GenerationInfo info = result.Info with
        {
            Model = before.Model,
            ModelHash = before.ModelHash,
            Scheduler = before.Scheduler,
            SchedulerOptions = before.SchedulerOptions,
            Lora = before.Lora,
            LoraHashes = before.LoraHashes,
            ControlNets = before.ControlNets,
            MicroConditioning = all.MicroConditioning,
        };
        return result.With(SettingTable.WithoutDefaults(info), result.Maker);
    }

    /// <summary>Decodes the latent of an image of the request, the last of the three parts of <see cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="latent">The latent.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public DiffusionImage Decode(DiffusionPipeline pipeline, Latent latent, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(latent);
        observer ??= new StageObserver();
        DiffusionImage image;
        if (_hires is { IsInTiles: true })
        {
            Encode(pipeline, observer, cancellationToken);
            DenoiseOptions options = _options with { Seed = latent.Seed ?? _options.Seed, VariationSeed = latent.VariationSeed, BatchSize = latent.BatchSize, BatchIndex = latent.BatchIndex };
            image = RepaintTiles(pipeline, HiresPass.Decode(pipeline, latent, VaeOptions.From(_options), observer, cancellationToken), options, latent.StepCount, observer, cancellationToken);
        }
        else
        {
            image = observer.Run(Stage.VaeDecoder, () => pipeline.Decode(latent, VaeOptions.From(_options), cancellationToken));
            image = _hires is null ? _request.Start?.Complete(image) ?? image : new DiffusionImage(image.Width, image.Height, image.Pixels, _hires.Describe(image.Info));
        }

        return _detail?.Run(pipeline, image, _request.FindRegions!, observer, cancellationToken) ?? image;
    }

    /// <summary>Makes all images, each when it is enumerated.</summary>
    /// <inheritdoc cref="Make(DiffusionPipeline, int, StageObserver, CancellationToken)"/>
    public IEnumerable<DiffusionImage> Run(DiffusionPipeline pipeline, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        for (int index = 0; index < Count; index++)
            yield return Make(pipeline, index, observer, cancellationToken);
    }

    private DiffusionImage RepaintTiles(DiffusionPipeline pipeline, DiffusionImage image, DenoiseOptions options, int steps, StageObserver? observer, CancellationToken cancellationToken) =>
        _hires!.RunTiles(pipeline, image, _hiresEmbedding!, _hiresNegative, options, steps, _request.Upscale, observer ?? new StageObserver(), cancellationToken);

    private void CheckSeeds(string setting, long first)
    {
        if (first > long.MaxValue - (Count - 1))
            throw new InvalidSettingException(setting, $"The seed {first} leaves no {Count} seeds up to {long.MaxValue}, one for each image. Use a lower one.");
    }
}
