using StableDiffusion.Denoising;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines.Details;

/// <summary>
/// Paints regions of an image anew, one after another: each is cut out with some of what is around it, denoised at the size of the
/// model, and pasted back, as ADetailer does it with the inpainting of A1111. Prompts are encoded once.
/// </summary>
/// <param name="words">The textual inversion embeddings that the prompts can use.</param>
public sealed class RegionRepair(IReadOnlyList<TextualInversion> words)
{
    /// <summary>The default strength, that of ADetailer.</summary>
    public const double DefaultStrength = 0.4;

    /// <summary>The default blur of the mask in pixels, that of ADetailer.</summary>
    public const int DefaultMaskBlur = 4;

    /// <summary>By how many pixels a region grows by default, as in ADetailer.</summary>
    public const int DefaultDilation = 4;

    // A region that grows or shrinks by more has nothing to do with what was found.
    private const int MostDilation = 4096;

    // What a region has in common with the image that it is in.
    private static readonly HashSet<string> s_ofImage = new(StringComparer.Ordinal)
    {
        nameof(GenerationSettings.Prompt), nameof(GenerationSettings.NegativePrompt), nameof(GenerationSettings.PromptSyntax), nameof(GenerationSettings.Emphasis), nameof(GenerationSettings.ClipSkip),
        nameof(GenerationSettings.TextualInversion), nameof(GenerationSettings.Seed), nameof(GenerationSettings.RandomSource), nameof(GenerationSettings.EtaNoiseSeedDelta), nameof(GenerationSettings.Steps),
        nameof(GenerationSettings.Scheduler), nameof(GenerationSettings.SchedulerOptions), nameof(GenerationSettings.GuidanceScale), nameof(GenerationSettings.GuidanceRescale), nameof(GenerationSettings.GuidanceStart),
        nameof(GenerationSettings.GuidanceEnd), nameof(GenerationSettings.Vae), nameof(GenerationSettings.VaeTiling), nameof(GenerationSettings.VaeTileSize),
    };

    private readonly Dictionary<string, TextEmbedding> _embeddings = new(StringComparer.Ordinal);

    /// <summary>The settings of a region: those of its image, as far as they concern it, and the defaults of the strength and the mask.</summary>
    /// <param name="image">The settings of the image.</param>
    public static DenoiseOptions OptionsOf(GenerationSettings image) => SettingTable.Create<DenoiseOptions>(row => s_ofImage.Contains(row.Name) ? row.Get(image) : null) with
    {
        Strength = DefaultStrength,
        MaskBlur = DefaultMaskBlur,
        MaskPadding = MaskRegion.DefaultPadding,
        MaskedOnly = true,
    };

    /// <summary>The mask of a region that is painted anew.</summary>
    /// <param name="region">The region.</param>
    /// <param name="dilation">The side of the square that it grows by, in pixels; below 0 it shrinks.</param>
    /// <param name="setting">The setting that has the number, for messages.</param>
    /// <returns>The mask.</returns>
    /// <exception cref="InvalidSettingException">The number is out of range, or nothing is left of the region.</exception>
    public static MaskImage MaskOf(DetectedRegion region, int dilation, string setting = "Dilation")
    {
        ArgumentNullException.ThrowIfNull(region);
        Setting.CheckRange(setting, dilation, -MostDilation, MostDilation);
        MaskImage mask = region.Mask;
        byte[] pixels = MaskMorphology.Dilate(mask.Pixels, mask.Width, mask.Height, dilation);
        return pixels.Contains(byte.MaxValue)
            ? RegionMask.Make(mask.Width, mask.Height, pixels)
            : throw new InvalidSettingException(setting, $"Nothing is left of the region {region} when it shrinks by {-dilation} pixels. Choose a higher {setting}.");
    }

    /// <summary>Paints a region anew.</summary>
    /// <param name="pipeline">The pipeline; all regions are painted with the same model.</param>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="mask">The region, of the image's size: white is painted.</param>
    /// <param name="options">The settings, of which the prompt is needed: <see cref="GenerationSettings.Width"/> and <see cref="GenerationSettings.Height"/> are those at which the region is made.</param>
    /// <param name="observer">Observes the stages; may be null.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The new image, with the same settings and one more stage.</returns>
    /// <exception cref="ImageInvalidException">The mask has another size, or is black.</exception>
    /// <exception cref="DiffusionException">A setting is out of range, or the model cannot be run.</exception>
    public DiffusionImage Run(DiffusionPipeline pipeline, DiffusionImage image, MaskImage mask, DenoiseOptions options, StageObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrWhiteSpace(options.Prompt);
        observer ??= new StageObserver();
        PromptOptions reading = PromptOptions.From(options, words);
        TextEmbedding embedding = Encode(pipeline, options.Prompt, reading, observer, cancellationToken);
        TextEmbedding? negative = options.NegativePrompt is null ? null : Encode(pipeline, options.NegativePrompt, reading, observer, cancellationToken);
        return Run(pipeline, image, mask, embedding, negative, options, observer, cancellationToken);
    }

    /// <summary>Paints a region anew with prompts that are encoded.</summary>
    internal static DiffusionImage Run(DiffusionPipeline pipeline, DiffusionImage image, MaskImage mask, TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options, StageObserver observer, CancellationToken cancellationToken)
    {
        options = options with { Seed = RandomSeed.Resolve(options.Seed), MaskedOnly = true, NoPasteBack = null };
        StartImage start = pipeline.FitImage(image, mask, options.Width, options.Height, mode: null, options);
        options = options with { Width = start.Image.Width, Height = start.Image.Height, Mask = start.Mask };
        pipeline.Check(options, start);
        VaeOptions vae = VaeOptions.From(options);
        Latent latent = observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(start, options.Seed, options.ToNoise().RandomSource ?? default, vae, cancellationToken));
        latent = observer.Run(Stage.Denoising, () => pipeline.Denoise(embedding, negative, latent, options, observer.OnStep, cancellationToken));
        DiffusionImage part = observer.Run(Stage.VaeDecoder, () => pipeline.Decode(latent, vae, cancellationToken));
        DiffusionImage whole = start.Complete(part);

        // All that is done to the region is one stage, so that the record does not have the image again in each of its parts.
        GenerationStage denoising = part.Info.Stages!.Last(static stage => stage.Operation == StageOperation.Denoise);
        StageList stages = image.Origin().Append(new GenerationStage
        {
            Operation = StageOperation.Repair,
            Settings = new OrderedDictionary<string, object>(denoising.Settings, StringComparer.Ordinal) { [nameof(options.Width)] = (long)options.Width!, [nameof(options.Height)] = (long)options.Height! },
            Inputs = new OrderedDictionary<string, IReadOnlyList<StageList>>(denoising.Inputs, StringComparer.Ordinal) { [PasteBack.MaskInput] = [mask.Origin()] },
            Output = StageList.Hash<byte>(whole.Pixels),
            Made = denoising.Made,
        });
        return new DiffusionImage(whole.Width, whole.Height, whole.Pixels, image.Info with { Stages = stages });
    }

    private TextEmbedding Encode(DiffusionPipeline pipeline, string prompt, PromptOptions reading, StageObserver observer, CancellationToken cancellationToken)
    {
        if (_embeddings.TryGetValue(prompt, out TextEmbedding? known))
            return known;

        TextEmbedding embedding = observer.Run(Stage.TextEncoder, () => pipeline.EncodeOnce(prompt, reading, cancellationToken));
        observer.OnEncoded(embedding);
        _embeddings.Add(prompt, embedding);
        return embedding;
    }
}
