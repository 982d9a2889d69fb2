using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines.Details;

/// <summary>The last pass of an image: a detector finds regions, and each is painted anew. Source: ADetailer (<c>scripts/!adetailer.py</c>).</summary>
internal sealed class DetailPass
{
    private const string Separator = "[SEP]";
    private const string Skip = "[SKIP]";

    private readonly DetailSettings _settings;
    private readonly RegionRepair _repair;

    private DetailPass(DetailSettings settings, IReadOnlyList<TextualInversion> words)
    {
        _repair = new RegionRepair(words);
        _settings = settings with
        {
            DetailConfidence = settings.DetailConfidence ?? DetectOptions.DefaultConfidence,
            DetailDilation = settings.DetailDilation ?? RegionRepair.DefaultDilation,
            DetailMaskBlur = settings.DetailMaskBlur ?? RegionRepair.DefaultMaskBlur,
            DetailPadding = settings.DetailPadding ?? MaskRegion.DefaultPadding,
            DetailStrength = settings.DetailStrength ?? RegionRepair.DefaultStrength,
        };
    }

    /// <summary>Finds the pass of a request.</summary>
    /// <param name="options">The settings of the request.</param>
    /// <param name="words">The textual inversion embeddings that the prompts can use.</param>
    /// <returns>The pass; null if there is none.</returns>
    /// <exception cref="InvalidSettingException">A setting of it is out of range, or has no effect.</exception>
    public static DetailPass? From(DenoiseOptions options, IReadOnlyList<TextualInversion> words)
    {
        if (options.Detail is not DetailSettings settings)
            return null;
        if (string.IsNullOrWhiteSpace(settings.Detailer))
            throw new InvalidSettingException(nameof(settings.Detailer), $"There are settings of regions that are painted anew, but not what finds the regions. Give Detailer, such as {Detector.BuiltIn}, or omit the other settings whose names begin with Detail.");
        if (settings.DetailScheduler is string scheduler)
            SchedulerCatalog.Find(scheduler, nameof(settings.DetailScheduler));
        PromptLimit.Check(nameof(settings.DetailPrompt), settings.DetailPrompt);
        PromptLimit.Check(nameof(settings.DetailNegativePrompt), settings.DetailNegativePrompt);
        return new DetailPass(settings, words);
    }

    /// <summary>The settings to record in an image.</summary>
    /// <param name="image">Those of the image before its regions are painted.</param>
    public GenerationInfo Describe(GenerationInfo image) => image with { Detail = _settings };

    /// <summary>Paints the regions of an image.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="image">The image, whose info has its seed.</param>
    /// <param name="find">Finds the regions.</param>
    /// <param name="observer">Observes the stages.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, with a stage for each region, and with the settings of the pass.</returns>
    public DiffusionImage Run(DiffusionPipeline pipeline, DiffusionImage image, RegionFinder find, StageObserver observer, CancellationToken cancellationToken)
    {
        DetectOptions options = new() { Detector = _settings.Detailer!, Confidence = _settings.DetailConfidence!.Value, First = _settings.DetailFirst, Order = _settings.DetailFirst is null ? RegionOrder.Confidence : RegionOrder.Area };
        DenoiseOptions ofImage = RegionRepair.OptionsOf(image.Info);
        DiffusionImage result = image;
        int index = 0;
        foreach (DetectedRegion region in find(image, options, observer.OnDetecting, cancellationToken))
        {
            string? prompt = PromptOf(_settings.DetailPrompt, index, image.Prompt), negative = PromptOf(_settings.DetailNegativePrompt, index, image.NegativePrompt);
            if (prompt?.Trim() != Skip)
                result = _repair.Run(pipeline, result, RegionRepair.MaskOf(region, _settings.DetailDilation!.Value, nameof(_settings.DetailDilation)), OptionsOf(ofImage, index) with { Prompt = prompt, NegativePrompt = negative }, observer, cancellationToken);
            index++;
        }

        return new DiffusionImage(result.Width, result.Height, result.Pixels, Describe(result.Info));
    }

    private DenoiseOptions OptionsOf(DenoiseOptions ofImage, int index) => ofImage with
    {
        Seed = unchecked(ofImage.Seed + index) is >= 0 and long seed ? seed : ofImage.Seed,
        MaskBlur = _settings.DetailMaskBlur,
        MaskPadding = _settings.DetailPadding,
        Strength = _settings.DetailStrength,
        Steps = _settings.DetailSteps ?? ofImage.Steps,
        GuidanceScale = _settings.DetailGuidanceScale ?? ofImage.GuidanceScale,
        Scheduler = _settings.DetailScheduler ?? ofImage.Scheduler,
        SchedulerOptions = _settings.DetailScheduler is null ? ofImage.SchedulerOptions : null,
        Width = _settings.DetailWidth,
        Height = _settings.DetailHeight,
    };

    /// <summary>The prompt of a region.</summary>
    private static string? PromptOf(string? prompts, int index, string? ofImage)
    {
        string[] parts = prompts?.Split(Separator) ?? [];
        return parts.Length > 0 && parts[Math.Min(index, parts.Length - 1)].Trim() is { Length: > 0 } own ? own : ofImage;
    }
}
