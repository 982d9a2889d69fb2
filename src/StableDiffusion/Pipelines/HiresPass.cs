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
/// fresh noise of the new size from the same seed; or, as an image, denoised tile by tile. With tiles, a given image can take the
/// place of the first pass. Sources: A1111's <c>StableDiffusionProcessingTxt2Img</c> and its script <c>sd_upscale</c>.
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

    private HiresPass(HiresSettings settings, DenoiseOptions options, StartImage? first) => (_settings, _options, First) = (settings, options, first);

    /// <summary>The names of the ways to resize the latent, which A1111 has, and ComfyUI's.</summary>
    public static IReadOnlyCollection<string> LatentUpscalers => s_latent.Keys;

    /// <summary>The image that takes the place of the first pass; null if there is one.</summary>
    public StartImage? First { get; }

    /// <summary>Whether the enlarged image is denoised tile by tile.</summary>
    public bool IsInTiles => _settings.HiresTileSize is not null;

    /// <summary>The side of the tiles and their overlap, in pixels; null if there are none.</summary>
    public (int Side, int Overlap)? Tiles => _settings.HiresTileSize is int side ? (side, TileOverlap) : null;

    /// <summary>Whether the image keeps its size.</summary>
    public bool KeepsSize => _settings is { HiresScale: null, HiresWidth: null, HiresHeight: null };

    /// <summary>Whether an image is encoded for it, and not a latent resized.</summary>
    public bool EncodesImage => !s_latent.ContainsKey(Upscaler);

    /// <summary>The upscaler, if it is a network.</summary>
    public string? Network => KeepsSize ? null : NetworkOf(_settings);

    private string Upscaler => _settings.HiresUpscaler ?? (IsInTiles ? nameof(ResampleFilter.Lanczos) : HiresSettings.DefaultUpscaler);

    private double Strength => _settings.HiresStrength ?? _options.Strength ?? HiresSettings.DefaultStrength;

    /// <summary>The prompt.</summary>
    public string Prompt => _settings.HiresPrompt ?? _options.Prompt!;

    /// <summary>The negative prompt; null for that which is used if none is given.</summary>
    public string? NegativePrompt => _settings.HiresNegativePrompt ?? _options.NegativePrompt;

    /// <summary>How strongly the prompt is followed; null for the model's default.</summary>
    public double? GuidanceScale => _settings.HiresGuidanceScale ?? _options.GuidanceScale;

    /// <summary>The upscaler that settings name, if it is a network.</summary>
    /// <param name="settings">The settings.</param>
    public static string? NetworkOf(HiresSettings settings) =>
        settings.HiresUpscaler is string upscaler && !s_latent.ContainsKey(upscaler) && ImageUpscaling.FilterOf(upscaler) is null ? upscaler : null;

    /// <summary>Finds the second pass of a request.</summary>
    /// <param name="options">The settings of the request.</param>
    /// <param name="start">The image to start from; null for none.</param>
    /// <returns>The pass; null if there is none.</returns>
    /// <exception cref="InvalidSettingException">A setting of it is out of range, has no effect, or cannot be combined with another one.</exception>
    public static HiresPass? From(DenoiseOptions options, StartImage? start)
    {
        if (options.Hires is not HiresSettings hires)
            return null;
        HiresPass pass = new(hires, options, start);
        if (pass.KeepsSize && (start is null || !pass.IsInTiles))
            throw new InvalidSettingException(nameof(hires.HiresScale), "There are settings of a second pass, but not its size. Give HiresScale, such as 2, or HiresWidth or HiresHeight; or omit the other settings whose names begin with Hires.");
        if (hires.HiresScale is not null && (hires.HiresWidth is not null || hires.HiresHeight is not null))
            throw new InvalidSettingException(nameof(hires.HiresScale), "The size of the second pass is given twice. Omit HiresScale, or HiresWidth and HiresHeight.");
        if (start is not null && !pass.IsInTiles)
            throw new InvalidSettingException(nameof(hires.HiresScale), "An image that starts from another one has no second pass, unless it is made in tiles. Give HiresTileSize too; or give the size with Width and Height, and omit HiresScale, HiresWidth and HiresHeight.");
        if (hires.HiresScheduler is string scheduler)
            SchedulerCatalog.Find(scheduler, nameof(hires.HiresScheduler));
        if (pass.IsInTiles)
            pass.CheckTiles();
        else if (hires.HiresTileOverlap is not null)
            throw new InvalidSettingException(nameof(hires.HiresTileOverlap), "HiresTileOverlap has no effect without HiresTileSize. Give that too, or omit HiresTileOverlap.");
        return pass;
    }

    /// <summary>The size of the second pass.</summary>
    /// <param name="width">The width of the first pass, in pixels.</param>
    /// <param name="height">The height of the first pass, in pixels.</param>
    /// <param name="factor">The number of image pixels for each cell, along a side.</param>
    /// <returns>The size in pixels, in whole cells.</returns>
    /// <exception cref="InvalidSettingException">An image cannot be so large.</exception>
    public (int Width, int Height) SizeOf(int width, int height, int factor)
    {
        (double newWidth, double newHeight) = _settings switch
        {
            { HiresScale: double scale } => (width * scale, height * scale),
            { HiresWidth: int given, HiresHeight: null } => (given, (double)((long)given * height / width)),
            { HiresWidth: null, HiresHeight: int given } => ((double)((long)given * width / height), given),
            { HiresWidth: null, HiresHeight: null } => (width, height),
            _ => (_settings.HiresWidth!.Value, _settings.HiresHeight!.Value),
        };
        (int Width, int Height) size = (Cells(newWidth), Cells(newHeight));
        return (long)size.Width * size.Height <= ImageLibrary.MaxPixels
            ? size
            : throw new InvalidSettingException(nameof(_settings.HiresScale), $"The second pass would have {size.Width}x{size.Height} pixels, more than the limit of {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels. Give a smaller HiresScale, HiresWidth or HiresHeight.");

        int Cells(double side) => Math.Max((int)side / factor, 1) * factor;
    }

    /// <summary>The size of what is denoised at once: the whole image, or a tile.</summary>
    /// <param name="width">The width of the image in pixels.</param>
    /// <param name="height">The height of the image in pixels.</param>
    public (int Width, int Height) TileOf(int width, int height) => (Math.Min(width, _settings.HiresTileSize ?? width), Math.Min(height, _settings.HiresTileSize ?? height));

    /// <summary>Enlarges the first pass and denoises it again, as a whole.</summary>
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

    /// <summary>Enlarges an image and denoises it again, tile by tile.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="image">The decoded first pass, or the image in its place.</param>
    /// <param name="embedding">The embedding of <see cref="Prompt"/>.</param>
    /// <param name="negative">The embedding of <see cref="NegativePrompt"/>; null for the one that is used if none is given.</param>
    /// <param name="options">The settings of the first pass, with its seeds.</param>
    /// <param name="firstSteps">The number of its steps.</param>
    /// <param name="upscale">Enlarges an image by a network; null if there is none.</param>
    /// <param name="observer">Observes the stages.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, with the settings of both.</returns>
    public DiffusionImage RunTiles(DiffusionPipeline pipeline, DiffusionImage image, TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options, int firstSteps, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        DiffusionImage large = image;
        if (!KeepsSize)
        {
            (int width, int height) = SizeOf(image.Width, image.Height, pipeline.LatentSpace.Factor);
            large = Enlarge(image, width, height, upscale, observer, cancellationToken);
        }

        DiffusionImage made = TileRepainting.Run(pipeline, large, embedding, negative, OptionsOf(options, firstSteps), _settings.HiresTileSize!.Value, TileOverlap, observer, cancellationToken);
        return new DiffusionImage(made.Width, made.Height, made.Pixels, Describe(made.Info));
    }

    /// <summary>The settings of the second denoising, which makes all its steps whatever its strength is.</summary>
    /// <param name="options">The settings of the first pass.</param>
    /// <param name="firstSteps">The number of its steps.</param>
    public DenoiseOptions OptionsOf(DenoiseOptions options, int firstSteps)
    {
        int steps = _settings.HiresSteps ?? firstSteps;
        double strength = Strength;
        if (steps / strength > SchedulerCatalog.MaxSteps)
            throw new InvalidSettingException(nameof(_settings.HiresSteps), $"To run {steps} steps at a strength of {strength.ToString(CultureInfo.InvariantCulture)}, the second pass needs a schedule of more than {SchedulerCatalog.MaxSteps} steps. Use fewer steps or a higher strength.");
        return options with
        {
            Hires = null,
            Width = null,
            Height = null,
            Steps = steps,
            Strength = strength,
            StrengthRule = options.StrengthRule ?? nameof(StrengthRule.Exact),
            Scheduler = _settings.HiresScheduler ?? options.Scheduler,
            SchedulerOptions = _settings.HiresScheduler is null ? options.SchedulerOptions : null,
            GuidanceScale = GuidanceScale,
        };
    }

    /// <summary>The settings to record in an image: those of the first pass, with those of the second one.</summary>
    /// <param name="second">What the second pass recorded.</param>
    public GenerationInfo Describe(GenerationInfo second) => Describe(
        second,
        First is null
            ? second.Stages!.First(static stage => stage.Operation == StageOperation.Denoise).To<GenerationInfo>()
            : second with { Width = First.Image.Width, Height = First.Image.Height });

    /// <summary>The settings to record in an image.</summary>
    /// <param name="second">What the second pass recorded. Its last stages are those of the second pass; before them is the denoising of the first one.</param>
    /// <param name="first">What the first pass recorded; if an image takes its place, the same as of the second pass, with the size of that image.</param>
    public GenerationInfo Describe(GenerationInfo second, GenerationInfo first) => second with
    {
        Prompt = _options.Prompt,
        NegativePrompt = _options.NegativePrompt,
        Steps = first.Steps,
        Scheduler = first.Scheduler,
        SchedulerOptions = first.SchedulerOptions,
        GuidanceScale = first.GuidanceScale,
        Strength = null,
        StrengthRule = First is null ? null : _options.StrengthRule,
        ResizeMode = First is null or { ResizeMode: ResizeMode.None } ? null : First.ResizeMode.ToString(),
        Width = first.Width,
        Height = first.Height,
        Hires = _settings with
        {
            HiresUpscaler = KeepsSize ? null : Upscaler,
            HiresSteps = _settings.HiresSteps ?? first.Steps,
            HiresStrength = Strength,
            HiresTileOverlap = IsInTiles ? TileOverlap : null,
        },
    };

    private int TileOverlap => _settings.HiresTileOverlap ?? Math.Min(HiresSettings.DefaultTileOverlap, _settings.HiresTileSize!.Value / 2);

    private void CheckTiles()
    {
        SettingTable.Find(nameof(_settings.HiresTileSize)).Check(_settings.HiresTileSize!.Value);
        TileRepainting.Check(nameof(_settings.HiresTileSize), _settings.HiresTileSize.Value, nameof(_settings.HiresTileOverlap), TileOverlap);
        if (!EncodesImage)
            throw new InvalidSettingException(nameof(_settings.HiresUpscaler), $"'{PrintableText.Of(Upscaler)}' resizes latents, and tiles are cut out of an image. Choose an upscaler of images for HiresUpscaler, such as Lanczos, or omit HiresTileSize.");
        if (First?.Mask is not null)
            throw new InvalidSettingException(nameof(_settings.HiresTileSize), "An image is made again in tiles as a whole, and a mask has no part in it. Omit MaskImage, or omit HiresTileSize.");
        if (_options.ToTiling() != Tiling.None)
            throw new InvalidSettingException(nameof(_settings.HiresTileSize), "HiresTileSize cannot be used with Tiling: the edges of each tile would meet, not those of the image. Omit one of them.");
    }

    private Latent Enlarge(DiffusionPipeline pipeline, Latent first, int width, int height, VaeOptions vae, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        if (s_latent.TryGetValue(Upscaler, out (LatentResizeMode Mode, bool Antialias) resize))
            return LatentResize.Resize(first, width, height, resize.Mode, resize.Antialias, ResizeMode.Crop);

        DiffusionImage large = Enlarge(Decode(pipeline, first, vae, observer, cancellationToken), width, height, upscale, observer, cancellationToken);
        return observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(large, ResizeMode.None, seed: null, default, vae, cancellationToken));
    }

    /// <summary>Decodes the first pass into the image that is enlarged.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="first">The denoised latent of the first pass.</param>
    /// <param name="vae">How it is decoded.</param>
    /// <param name="observer">Observes the stage.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, whose values are rounded down to bytes, as in A1111.</returns>
    public static DiffusionImage Decode(DiffusionPipeline pipeline, Latent first, VaeOptions vae, StageObserver observer, CancellationToken cancellationToken) =>
        observer.Run(Stage.VaeDecoder, () => pipeline.Decode(first, vae with { Rounding = ByteRounding.Down }, cancellationToken));

    private DiffusionImage Enlarge(DiffusionImage image, int width, int height, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        UpscaleOptions size = new() { Upscaler = Upscaler, Width = width, Height = height };
        return ImageUpscaling.FilterOf(size.Upscaler) is ResampleFilter filter
            ? ImageUpscaling.Run(image, filter, size, cancellationToken)
            : upscale!(image, size, observer.OnUpscaling, cancellationToken);
    }
}
