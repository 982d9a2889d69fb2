using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
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
    private TextEmbedding? _hiresEmbedding;
    private TextEmbedding? _hiresNegative;
    private TextEmbedding? _embedding;
    private TextEmbedding? _negative;

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
        _hires = HiresPass.From(request.Options, request.Start is not null);
        if (_hires?.Network is string network && request.Upscale is null)
            throw new InvalidSettingException(nameof(HiresSettings.HiresUpscaler), $"There is no upscaler '{PrintableText.Of(network)}' for the second pass. Choose one of these: {string.Join(", ", HiresPass.LatentUpscalers)}; or Lanczos, Bicubic or Nearest.");
        PromptOptions = PromptOptions.From(request.Options, request.TextualInversions);
        _options = request.Options with { Seed = RandomSeed.Resolve(request.Options.Seed) };
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

    /// <summary>Makes one image.</summary>
    /// <param name="pipeline">The pipeline; all images of a request must be made with the same model.</param>
    /// <param name="index">The index of the image, from 0 to one less than <see cref="Count"/>.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The image, which records how it was made.</returns>
    /// <exception cref="DiffusionException">A setting is out of range or the model cannot be run; see the stages of <see cref="DiffusionPipeline"/>.</exception>
    public DiffusionImage Make(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        return Decode(pipeline, Denoise(pipeline, index, observer, cancellationToken), observer, cancellationToken);
    }

    /// <summary>Encodes the prompts, the first of the three parts of <see cref="Make"/>. They are kept for all images of the request.</summary>
    /// <inheritdoc cref="Make"/>
    public void Encode(DiffusionPipeline pipeline, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        observer ??= new StageObserver();
        _embedding ??= Encode(_options.Prompt!);
        _negative ??= pipeline.CompleteNegative(
            _embedding, _options.NegativePrompt is null ? null : Encode(_options.NegativePrompt), _options.GuidanceScale, cancellationToken);
        if (_hires is not null && _hiresEmbedding is null)
        {
            _hiresEmbedding = _hires.Prompt == _options.Prompt ? _embedding : Encode(_hires.Prompt);
            TextEmbedding? negative = _hires.NegativePrompt is null ? null : _hires.NegativePrompt == _options.NegativePrompt && _negative is not null ? _negative : Encode(_hires.NegativePrompt);
            _hiresNegative = pipeline.CompleteNegative(_hiresEmbedding, negative, _hires.GuidanceScale, cancellationToken);
        }

        TextEmbedding Encode(string prompt)
        {
            TextEmbedding encoded = observer.Run(Stage.TextEncoder, () => pipeline.EncodePrompt(prompt, PromptOptions, cancellationToken));
            observer.OnEncoded(encoded);
            return encoded;
        }
    }

    /// <summary>Denoises one image, the second of the three parts of <see cref="Make"/>.</summary>
    /// <returns>The latent of the image.</returns>
    /// <inheritdoc cref="Make"/>
    public Latent Denoise(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        DenoiseJob job = Prepare(pipeline, index, observer, cancellationToken);
        observer ??= new StageObserver();
        Latent latent = observer.Run(Stage.Denoising, () => pipeline.Denoise(job.Embedding, job.Negative, job.Start, job.Options, observer.OnStep, cancellationToken));
        return Enlarge(pipeline, index, latent, observer, cancellationToken);
    }

    /// <summary>Makes the second pass of an image whose first one was denoised; part of <see cref="Denoise"/>.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="index">The index of the image.</param>
    /// <param name="latent">The latent of the first pass.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <returns>The latent of the second pass; that of the first one if there is no other.</returns>
    public Latent Enlarge(DiffusionPipeline pipeline, int index, Latent latent, StageObserver? observer = null, CancellationToken cancellationToken = default) => _hires is null
        ? latent
        : _hires.Run(pipeline, latent, _hiresEmbedding!, _hiresNegative, OptionsOf(index), _request.Upscale, observer ?? new StageObserver(), cancellationToken);

    /// <summary>Makes what <see cref="Denoise"/> denoises, for <see cref="DiffusionPipeline.Divide"/>: the embeddings, and the latent of the image to start from.</summary>
    /// <returns>The denoising.</returns>
    /// <inheritdoc cref="Make"/>
    public DenoiseJob Prepare(DiffusionPipeline pipeline, int index, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        Encode(pipeline, observer, cancellationToken);
        observer ??= new StageObserver();
        DenoiseOptions options = OptionsOf(index);
        RandomSource source = options.ToNoise().RandomSource ?? default;
        Latent? start = _request.Start is StartImage image
            ? observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(image, options.Seed, source, VaeOptions.From(options), cancellationToken))
            : null;
        return new DenoiseJob(_embedding!, _negative, start, options with { Hires = null });
    }

    /// <summary>Decodes the latent of an image of the request, the last of the three parts of <see cref="Make"/>.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="latent">The latent.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work within about two seconds.</param>
    /// <inheritdoc cref="Make"/>
    public DiffusionImage Decode(DiffusionPipeline pipeline, Latent latent, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        DiffusionImage image = (observer ?? new StageObserver()).Run(Stage.VaeDecoder, () => pipeline.Decode(latent, VaeOptions.From(_options), cancellationToken));
        return _hires is null
            ? _request.Start?.Complete(image) ?? image
            : new DiffusionImage(image.Width, image.Height, image.Pixels, _hires.Describe(image.Info));
    }

    /// <summary>Makes all images, each when it is enumerated.</summary>
    /// <inheritdoc cref="Make"/>
    public IEnumerable<DiffusionImage> Run(DiffusionPipeline pipeline, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        for (int index = 0; index < Count; index++)
            yield return Make(pipeline, index, observer, cancellationToken);
    }

    private void CheckSeeds(string setting, long first)
    {
        if (first > long.MaxValue - (Count - 1))
            throw new InvalidSettingException(setting, $"The seed {first} leaves no {Count} seeds up to {long.MaxValue}, one for each image. Use a lower one.");
    }
}
