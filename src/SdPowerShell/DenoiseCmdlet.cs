using System.Collections;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Terminal;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that denoise: the settings and the progress of the denoising.</summary>
public abstract class DenoiseCmdlet : RecordCmdlet
{
    /// <summary>The name of the scheduler in A1111's API.</summary>
    internal const string SamplerColumn = "sampler_name";

    private const int MostPreviewEvery = 1000;

    /// <summary>The seed of the noise, 0 or more; random by default, or if it is -1. The same seed and settings give the same image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>The random number generator that the seed is for: TorchCpu or Cuda.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <summary>The seed of the noise that is blended into the initial noise; random by default, or if it is -1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Subseed")]
    [Number<long>]
    public Number<long>? VariationSeed { get; set; }

    /// <summary>How much of the variation noise is blended into the initial noise, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SubseedStrength", "subseed_strength")]
    [Number<double>]
    public Number<double>? VariationStrength { get; set; }

    /// <summary>The width in pixels of the image whose noise is placed in the center of the noise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("seed_resize_from_w")]
    [Number<int>]
    public Number<int>? SeedResizeWidth { get; set; }

    /// <summary>The height in pixels of the image whose noise is placed in the center of the noise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("seed_resize_from_h")]
    [Number<int>]
    public Number<int>? SeedResizeHeight { get; set; }

    /// <summary>The number added to the seed for the noise of the steps.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ENSD")]
    [Number<long>]
    public Number<long>? EtaNoiseSeedDelta { get; set; }

    /// <summary>The number of images in a batch whose noise is drawn from one generator; used with BatchIndex.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? BatchSize { get; set; }

    /// <summary>The index of the image to make in that batch, from 0.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? BatchIndex { get; set; }

    /// <summary>The number of steps, 1 to 1000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("num_inference_steps")]
    [Number<int>]
    public Number<int>? Steps { get; set; }

    /// <summary>The scheduler: a name or an alias that Get-DiffusionScheduler lists.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [Alias("Sampler", SamplerColumn)]
    public string? Scheduler { get; set; }

    /// <summary>Options of the scheduler, such as @{ timestep_spacing = 'trailing' }.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerOptionCompleter))]
    [SchedulerOption]
    public Hashtable? SchedulerOption { get; set; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no effect.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("CfgScale", "cfg_scale", "guidance_scale")]
    [Number<double>]
    public Number<double>? GuidanceScale { get; set; }

    /// <summary>How strongly a model that edits images by instructions follows the given image, 0 to 100; the default is 1.5.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ImageCfgScale", "image_cfg_scale", "image_guidance_scale")]
    [Number<double>]
    public Number<double>? ImageGuidanceScale { get; set; }

    /// <summary>How far the guided noise prediction is rescaled to the standard deviation of the conditional one, 0 to 1, against overexposure.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("guidance_rescale")]
    [Number<double>]
    public Number<double>? GuidanceRescale { get; set; }

    /// <summary>The part of the steps before guidance takes effect, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? GuidanceStart { get; set; }

    /// <summary>The part of the steps after which guidance has no effect any more, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? GuidanceEnd { get; set; }

    /// <summary>The noise level (sigma) down to which guidance takes effect, 0 to 100,000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? GuidanceSigmaMin { get; set; }

    /// <summary>The noise level (sigma) from which on guidance takes effect, above 0 and up to 100,000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? GuidanceSigmaMax { get; set; }

    /// <summary>The whole U-Net runs only at every n-th step, 1 to 100; its outer layers run in between.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("cache_interval")]
    [Number<int>]
    public Number<int>? FeatureReuse { get; set; }

    /// <summary>How many layers run in between, 0 to 2; 0 is the fewest.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("cache_branch_id")]
    [Number<int>]
    public Number<int>? FeatureReuseBranch { get; set; }

    /// <summary>The edges of the image that meet without a seam: None, X, Y or Both.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<Tiling>))]
    public string? Tiling { get; set; }

    /// <summary>Whether the U-Net predicts in overlapping windows, for an image larger than those of the model: None, MultiDiffusion or Mixture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<DiffusionTiling>))]
    public string? DiffusionTiling { get; set; }

    /// <summary>The longest side of such a window in pixels, 32 to 8192.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DiffusionTileSize { get; set; }

    /// <summary>How much two windows overlap in pixels, less than their side.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DiffusionTileOverlap { get; set; }

    /// <summary>How much noise is added to the image to start from, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("DenoisingStrength", "denoising_strength")]
    [Number<double>]
    public Number<double>? Strength { get; set; }

    /// <summary>How many steps the strength stands for: Diffusers, A1111 or Exact.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StrengthRule>))]
    public string? StrengthRule { get; set; }

    /// <summary>The image's width in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Width { get; set; }

    /// <summary>The image's height in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Height { get; set; }

    /// <summary>The autoencoder to use in place of the model's own: a name in the store, or the path of a folder or file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(VaeCompleter))]
    public string? Vae { get; set; }

    /// <summary>Whether the autoencoder works in tiles, which takes less memory: Auto, On or Off.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<VaeTiling>))]
    public string? VaeTiling { get; set; }

    /// <summary>The longest side of such a tile in pixels.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? VaeTileSize { get; set; }

    /// <summary>The original width, in pixels, that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? OriginalWidth { get; set; }

    /// <summary>The original height, in pixels, that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? OriginalHeight { get; set; }

    /// <summary>The number of pixels cropped at the top that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? CropTop { get; set; }

    /// <summary>The number of pixels cropped at the left that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? CropLeft { get; set; }

    /// <summary>The target width, in pixels, that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? TargetWidth { get; set; }

    /// <summary>The target height, in pixels, that SDXL is conditioned on.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? TargetHeight { get; set; }

    /// <summary>The aesthetic score that the SDXL refiner is conditioned on for the prompt; the default is 6.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? AestheticScore { get; set; }

    /// <summary>The aesthetic score that the SDXL refiner is conditioned on for the negative prompt; the default is 2.5.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? NegativeAestheticScore { get; set; }

    /// <summary>The mask, a path, a file or an image object: white areas of the image are repainted, black areas are kept.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Image]
    public ImageInput? MaskImage { get; set; }

    /// <summary>The standard deviation of the blur of the mask in pixels, 0 to 256.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("mask_blur")]
    [Number<int>]
    public Number<int>? MaskBlur { get; set; }

    /// <summary>Repaints the black areas of the mask, and keeps the white ones.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("inpainting_mask_invert")]
    [Switch]
    public SwitchParameter MaskInvert { get; set; }

    /// <summary>How the kept areas are blended in: Diffusers, A1111, Soft, ComfyUI or Differential.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<InpaintMode>))]
    public string? InpaintMode { get; set; }

    /// <summary>Of soft inpainting: whether late steps keep more of the gray areas (below 1) or early ones (above 1), 0 to 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftScheduleBias { get; set; }

    /// <summary>Of soft inpainting: how much of the gray areas is kept, 0 to 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftPreservationStrength { get; set; }

    /// <summary>Of soft inpainting: how much contrast the blended areas have, 1 to 32.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftContrastBoost { get; set; }

    /// <summary>Of differential diffusion: how far a gray value says from when on an area is repainted, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? DifferentialStrength { get; set; }

    /// <summary>Takes gray areas of the mask as shares with the InpaintMode A1111, in place of rounding them to black and white.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoMaskRounding { get; set; }

    /// <summary>The ControlNets to apply: names in the store, or paths of folders or files.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ControlNetCompleter))]
    [List]
    public string[]? ControlNet { get; set; }

    /// <summary>The control image of each ControlNet: a path, a file or an image object.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Image(IsList = true, IsCell = true)]
    public ImageInput?[]? ControlImage { get; set; }

    /// <summary>The preprocessor for each control image: None, Canny, Invert or Tile.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Settings.ControlPreprocessor>))]
    [List]
    public string[]? ControlPreprocessor { get; set; }

    /// <summary>The scale of each ControlNet; 1 is the strength that it was trained with.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>(IsList = true)]
    public Number<double>[]? ControlScale { get; set; }

    /// <summary>The part of the steps before each ControlNet takes effect, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>(IsList = true)]
    public Number<double>[]? ControlStart { get; set; }

    /// <summary>The part of the steps after which each ControlNet no longer takes effect, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>(IsList = true)]
    public Number<double>[]? ControlEnd { get; set; }

    /// <summary>Shows in the terminal what the image will be, step by step.</summary>
    [Parameter]
    public SwitchParameter Preview { get; set; }

    /// <summary>A file in which each preview replaces the one before: .png, .jpg or .webp.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PreviewFile { get; set; }

    /// <summary>Which steps are shown: each, each second and so on; 1 to 1000.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? PreviewEvery { get; set; } = new(1);

    /// <summary>Shows the previews; null if there are none.</summary>
    internal PreviewDisplay? Previews { get; private set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Require(PreviewFile, () =>
        {
            int every = Number.Read(PreviewEvery, 1, MostPreviewEvery) ?? 1;
            if (!Preview && PreviewFile is null)
                return;
            TerminalOutput? terminal = null;
            if (Preview && (terminal = TerminalOutput.Find(Host, TerminalProtocol.Auto, out string reason, replaces: true)) is null)
                WriteVerbose($"No previews are shown. {reason}.");
            Previews = new PreviewDisplay(terminal, PreviewFile is null ? null : FindPreviewFile(PreviewFile), every, Warn, CancellationToken);
        });
    }

    private string FindPreviewFile(string file)
    {
        string path = ResolveOutput(file);
        try
        {
            ImageFile.FormatOf(path);
        }
        catch (InvalidSettingException error)
        {
            throw new InvalidSettingException(nameof(PreviewFile), error.Message);
        }

        ImageFile.CheckTarget(path, overwrite: true);
        return path;
    }

    /// <summary>The settings in the form of the engine, with the mask and the control images.</summary>
    private protected DenoiseOptions CreateOptions() => ReadImages(CreateSettings());

    /// <summary>The settings in the form of the engine, all but the images, which take longer to read.</summary>
    internal DenoiseOptions CreateSettings()
    {
        DenoiseOptions options = SettingTable.Create<DenoiseOptions>(row => ValueOf(row.Name));
        SettingTable.Check(options);
        if (options.Scheduler is not null)
            SchedulerCatalog.Find(options.Scheduler);
        options = options with
        {
            Vae = ResolveVae(options.Vae),
            SchedulerOptions = SchedulerOptionText.Write(IsLeftOut(nameof(SchedulerOption)) ? null : SchedulerOption?.Cast<DictionaryEntry>().ToDictionary(
                entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
                entry => Cell.UnwrapAll(entry.Value),
                StringComparer.OrdinalIgnoreCase)),
        };

        // A strength of 0 is a choice; no strength is an oversight.
        if (options is { VariationSeed: >= 0, VariationStrength: null })
            RefuseIdle(nameof(VariationSeed), "VariationSeed has no effect without VariationStrength. Give that too, from 0 to 1, or omit VariationSeed.");
        if (options is { FeatureReuseBranch: not null, FeatureReuse: null or 1 })
            RefuseIdle(nameof(FeatureReuseBranch), "FeatureReuseBranch has no effect without FeatureReuse. Give that too, such as 2 or 3, or omit FeatureReuseBranch.");
        if (options is { DiffusionTileSize: not null } or { DiffusionTileOverlap: not null } && EnumSetting.Parse(nameof(DiffusionTiling), options.DiffusionTiling, default(StableDiffusion.Sampling.DiffusionTiling)) == default)
            RefuseIdle(options.DiffusionTileSize is null ? nameof(DiffusionTileOverlap) : nameof(DiffusionTileSize), "DiffusionTileSize and DiffusionTileOverlap have no effect without DiffusionTiling. Give that too, such as MultiDiffusion, or omit them.");
        InpaintParameters.Check(options, hasMask: MaskImage is not null, RefuseIdle);
        return options;
    }

    /// <summary>Adds the mask and the control images.</summary>
    /// <param name="options">The settings.</param>
    internal DenoiseOptions ReadImages(DenoiseOptions options) => options with
    {
        Mask = ReadMask(),
        Controls = new ControlSettings(this).Read(),
    };

    /// <summary>The mask; null if none is given.</summary>
    internal MaskImage? ReadMask() =>
        MaskImage?.Read(nameof(MaskImage), path => ImageFile.LoadMask(ResolveFile(path), CancellationToken), StableDiffusion.Images.MaskImage.FromImage);

    /// <summary>Whether a setting of the object from the pipeline does not apply to the new image.</summary>
    /// <remarks>The settings of a model in the pipeline are its defaults; as explicit settings they would conflict with an image to start from.</remarks>
    private protected virtual bool IsLeftOut(string setting) => Input?.Model is not null && !IsFixed(setting);

    private object? ValueOf(string setting) => IsLeftOut(setting) ? null : setting == nameof(Scheduler) ? SchedulerOfRecord() : Bound(setting) switch
    {
        Number number => number.Get(setting),
        SwitchParameter flag => flag.IsPresent ? true : null,
        string text when !string.IsNullOrWhiteSpace(text) => text,
        _ => null,
    };

    /// <summary>Throws for a setting that has no effect. A setting that an object carries, such as an image that is made again, is ignored.</summary>
    /// <param name="setting">The setting, which has a value.</param>
    /// <param name="message">The message: what the setting needs, and what to do.</param>
    internal void RefuseIdle(string setting, string message)
    {
        if (!IsCarriedAlong(setting))
            throw new InvalidSettingException(setting, message);
    }

    /// <remarks>A1111's API has the sampler and its schedule in two columns; the latter has the name of this parameter.</remarks>
    private string? SchedulerOfRecord()
    {
        if (string.IsNullOrWhiteSpace(Scheduler))
            return null;
        if (IsFixed(nameof(Scheduler)) || Input is not { IsRow: true } || Input.Text(nameof(Scheduler)) is not string schedule || Input.Text(SamplerColumn) is not string sampler)
            return Scheduler;
        return schedule.Equals("Automatic", StringComparison.OrdinalIgnoreCase) ? sampler : $"{sampler} {schedule}";
    }

    /// <summary>Writes to the verbose stream which images of ControlNets were resized.</summary>
    /// <param name="options">The settings of the denoising.</param>
    /// <param name="latent">The denoised latent.</param>
    internal void ReportControlImages(DenoiseOptions options, Latent latent)
    {
        foreach (DiffusionImage image in options.Controls.Select(control => control.Image))
        {
            if (image.Width != latent.Width || image.Height != latent.Height)
                WriteVerbose($"The ControlNet's image was resized from {image} to {latent.Width}x{latent.Height} pixels.");
        }
    }
}
