using System.Globalization;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Pipelines;

/// <summary>
/// The second pass of an image in high resolution: the first pass is enlarged, as a latent or as an image, and denoised again with
/// fresh noise of the new size from the same seed. Source: A1111's <c>StableDiffusionProcessingTxt2Img</c>.
/// </summary>
internal sealed class HiresPass
{
    private static readonly Dictionary<string, (LatentResizeMode Mode, bool Antialias)> s_latent = new(StringComparer.OrdinalIgnoreCase)
    {
        [HiresSettings.DefaultUpscaler] = (LatentResizeMode.Bilinear, false),
        ["Latent (antialiased)"] = (LatentResizeMode.Bilinear, true),
        ["Latent (bicubic)"] = (LatentResizeMode.Bicubic, false),
        ["Latent (bicubic antialiased)"] = (LatentResizeMode.Bicubic, true),
        ["Latent (nearest)"] = (LatentResizeMode.Nearest, false),
        ["Latent (nearest-exact)"] = (LatentResizeMode.NearestExact, false),
        ["Latent (bislerp)"] = (LatentResizeMode.Bislerp, false),
    };

    private readonly HiresSettings _settings;
    private readonly DenoiseOptions _options;

    private HiresPass(HiresSettings settings, DenoiseOptions options) => (_settings, _options) = (settings, options);

    /// <summary>The names of the ways to resize the latent, which A1111 has, and ComfyUI's.</summary>
    public static IReadOnlyCollection<string> LatentUpscalers => s_latent.Keys;

    /// <summary>The upscaler, if it is a network.</summary>
    public string? Network => _settings.HiresUpscaler is string upscaler && !s_latent.ContainsKey(upscaler) && ImageUpscaling.FilterOf(upscaler) is null ? upscaler : null;

    /// <summary>The prompt.</summary>
    public string Prompt => _settings.HiresPrompt ?? _options.Prompt!;

    /// <summary>The negative prompt; null for that which is used if none is given.</summary>
    public string? NegativePrompt => _settings.HiresNegativePrompt ?? _options.NegativePrompt;

    /// <summary>How strongly the prompt is followed; null for the model's default.</summary>
    public double? GuidanceScale => _settings.HiresGuidanceScale ?? _options.GuidanceScale;

    /// <summary>Finds the second pass of a request.</summary>
    /// <param name="options">The settings of the request.</param>
    /// <param name="hasStart">Whether it starts from an image.</param>
    /// <returns>The pass; null if there is none.</returns>
    /// <exception cref="InvalidSettingException">A setting of it is out of range, has no effect, or cannot be combined with another one.</exception>
    public static HiresPass? From(DenoiseOptions options, bool hasStart)
    {
        if (options.Hires is not HiresSettings hires)
            return null;
        if (hires is { HiresScale: null, HiresWidth: null, HiresHeight: null })
            throw new InvalidSettingException(nameof(hires.HiresScale), "There are settings of a second pass, but not its size. Give HiresScale, such as 2, or HiresWidth or HiresHeight; or omit the other settings whose names begin with Hires.");
        if (hires.HiresScale is not null && (hires.HiresWidth is not null || hires.HiresHeight is not null))
            throw new InvalidSettingException(nameof(hires.HiresScale), "The size of the second pass is given twice. Omit HiresScale, or HiresWidth and HiresHeight.");
        if (hasStart)
            throw new InvalidSettingException(nameof(hires.HiresScale), "An image that starts from another one has no second pass. Give the size with Width and Height, or omit HiresScale, HiresWidth and HiresHeight.");
        if (options.Controls.Count > 0)
            throw new InvalidSettingException(nameof(hires.HiresScale), "The second pass cannot be used with ControlNets, whose images have the size of the first one. Make the image in stages.");
        if (hires.HiresScheduler is string scheduler)
            SchedulerCatalog.Find(scheduler);
        return new HiresPass(hires, options);
    }

    /// <summary>The size of the second pass.</summary>
    /// <param name="width">The width of the first pass, in pixels.</param>
    /// <param name="height">The height of the first pass, in pixels.</param>
    /// <param name="factor">The number of image pixels for each cell, along a side.</param>
    /// <returns>The size in pixels, in whole cells.</returns>
    public (int Width, int Height) SizeOf(int width, int height, int factor)
    {
        (double newWidth, double newHeight) = _settings switch
        {
            { HiresScale: double scale } => (width * scale, height * scale),
            { HiresWidth: int given, HiresHeight: null } => (given, (double)((long)given * height / width)),
            { HiresWidth: null, HiresHeight: int given } => ((double)((long)given * width / height), given),
            _ => (_settings.HiresWidth!.Value, _settings.HiresHeight!.Value),
        };
        return (Cells(newWidth), Cells(newHeight));

        int Cells(double side) => Math.Max((int)side / factor, 1) * factor;
    }

    /// <summary>Enlarges the first pass and denoises it again.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="first">The denoised latent of the first pass.</param>
    /// <param name="embedding">The embedding of <see cref="Prompt"/>.</param>
    /// <param name="negative">The embedding of <see cref="NegativePrompt"/>; null for the one that is used if none is given.</param>
    /// <param name="options">The settings of the first pass, with its seeds.</param>
    /// <param name="upscale">Enlarges an image by a network; null if there is none.</param>
    /// <param name="observer">Observes the stages.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The latent of the second pass.</returns>
    public Latent Run(DiffusionPipeline pipeline, Latent first, TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        (int width, int height) = SizeOf(first.Tensor.Shape[3] * first.Factor, first.Tensor.Shape[2] * first.Factor, first.Factor);
        Latent large = Enlarge(pipeline, first, width, height, VaeOptions.From(options), upscale, observer, cancellationToken);
        return observer.Run(Stage.Denoising, () => pipeline.Denoise(embedding, negative, large, OptionsOf(options, first.StepCount), observer.OnStep, cancellationToken));
    }

    /// <summary>The settings of the second denoising, which makes all its steps whatever its strength is.</summary>
    /// <param name="options">The settings of the first pass.</param>
    /// <param name="firstSteps">The number of its steps.</param>
    public DenoiseOptions OptionsOf(DenoiseOptions options, int firstSteps)
    {
        int steps = _settings.HiresSteps ?? firstSteps;
        double strength = _settings.HiresStrength ?? HiresSettings.DefaultStrength;
        if (steps / strength > SchedulerCatalog.MaxSteps)
            throw new InvalidSettingException(nameof(_settings.HiresSteps), $"To run {steps} steps at a strength of {strength.ToString(CultureInfo.InvariantCulture)}, the second pass needs a schedule of more than {SchedulerCatalog.MaxSteps} steps. Use fewer steps or a higher strength.");
        return options with
        {
            Hires = null,
            Width = null,
            Height = null,
            Steps = steps,
            Strength = strength,
            StrengthRule = nameof(StrengthRule.Exact),
            Scheduler = _settings.HiresScheduler ?? options.Scheduler,
            SchedulerOptions = _settings.HiresScheduler is null ? options.SchedulerOptions : null,
            GuidanceScale = GuidanceScale,
        };
    }

    /// <summary>The settings to record in an image: those of the first pass, with those of the second one.</summary>
    /// <param name="second">What the second pass recorded.</param>
    public GenerationInfo Describe(GenerationInfo second)
    {
        GenerationInfo first = second.Stages!.First(static stage => stage.Operation == StageOperation.Denoise).To<GenerationInfo>();
        return second with
        {
            Prompt = _options.Prompt,
            NegativePrompt = _options.NegativePrompt,
            Steps = first.Steps,
            Scheduler = first.Scheduler,
            SchedulerOptions = first.SchedulerOptions,
            GuidanceScale = first.GuidanceScale,
            Strength = null,
            StrengthRule = null,
            Width = first.Width,
            Height = first.Height,
            Hires = _settings with
            {
                HiresUpscaler = _settings.HiresUpscaler ?? HiresSettings.DefaultUpscaler,
                HiresSteps = _settings.HiresSteps ?? first.Steps,
                HiresStrength = _settings.HiresStrength ?? HiresSettings.DefaultStrength,
            },
        };
    }

    private Latent Enlarge(DiffusionPipeline pipeline, Latent first, int width, int height, VaeOptions vae, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        if (s_latent.TryGetValue(_settings.HiresUpscaler ?? HiresSettings.DefaultUpscaler, out (LatentResizeMode Mode, bool Antialias) resize))
            return LatentResize.Resize(first, width, height, resize.Mode, resize.Antialias, ResizeMode.Crop);

        DiffusionImage image = observer.Run(Stage.VaeDecoder, () => pipeline.Decode(first, vae with { Rounding = ByteRounding.Down }, cancellationToken));
        UpscaleOptions size = new() { Upscaler = _settings.HiresUpscaler!, Width = width, Height = height };
        DiffusionImage large = ImageUpscaling.FilterOf(size.Upscaler) is ResampleFilter filter
            ? ImageUpscaling.Run(image, filter, size, cancellationToken)
            : upscale!(image, size, observer.OnUpscaling, cancellationToken);
        return observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(large, ResizeMode.None, seed: null, default, vae, cancellationToken));
    }
}
