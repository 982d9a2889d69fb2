using System.Collections;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that denoise: the settings of the denoising and its progress.</summary>
public abstract class DenoiseCmdlet : AdapterCmdlet
{
    /// <summary>The name that A1111's API has for the scheduler.</summary>
    internal const string SamplerColumn = "sampler_name";

    /// <summary>The seed of the noise, 0 or more; drawn at random where it is left out. The same seed and settings give the same picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>Whose random numbers the seed stands for: TorchCpu or Cuda.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <summary>The seed of the noise that the start noise is turned towards; drawn at random where it is left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Subseed")]
    [Number<long>]
    public Number<long>? VariationSeed { get; set; }

    /// <summary>How far the start noise is turned, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SubseedStrength", "subseed_strength")]
    [Number<double>]
    public Number<double>? VariationStrength { get; set; }

    /// <summary>The width in pixels of the picture whose noise stands in the middle of this one's.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("seed_resize_from_w")]
    [Number<int>]
    public Number<int>? SeedResizeWidth { get; set; }

    /// <summary>The height in pixels of the picture whose noise stands in the middle of this one's.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("seed_resize_from_h")]
    [Number<int>]
    public Number<int>? SeedResizeHeight { get; set; }

    /// <summary>What is added to the seed for the noise of the steps.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ENSD")]
    [Number<long>]
    public Number<long>? EtaNoiseSeedDelta { get; set; }

    /// <summary>How many pictures the batch has whose noise is drawn from one generator; goes with BatchIndex.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? BatchSize { get; set; }

    /// <summary>Which picture of that batch to make, counted from 0.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? BatchIndex { get; set; }

    /// <summary>How many steps, 1 to 1000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("num_inference_steps")]
    [Number<int>]
    public Number<int>? Steps { get; set; }

    /// <summary>The scheduler, by any name that Get-DiffusionScheduler lists.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [Alias("Sampler", SamplerColumn)]
    public string? Scheduler { get; set; }

    /// <summary>Options of the scheduler, such as @{ timestep_spacing = 'trailing' }.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerOptionCompleter))]
    [SchedulerOption]
    public Hashtable? SchedulerOption { get; set; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no part.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("CfgScale", "cfg_scale", "guidance_scale")]
    [Number<double>]
    public Number<double>? GuidanceScale { get; set; }

    /// <summary>How strongly a model that edits pictures by instructions follows the given one, 0 to 100; 1.5 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ImageCfgScale", "image_cfg_scale", "image_guidance_scale")]
    [Number<double>]
    public Number<double>? ImageGuidanceScale { get; set; }

    /// <summary>How far the guided prediction's deviation is drawn back, 0 to 1, against overexposure.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("guidance_rescale")]
    [Number<double>]
    public Number<double>? GuidanceRescale { get; set; }

    /// <summary>How far a given picture is noised before denoising, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("DenoisingStrength", "denoising_strength")]
    [Number<double>]
    public Number<double>? Strength { get; set; }

    /// <summary>The picture's width in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Width { get; set; }

    /// <summary>The picture's height in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Height { get; set; }

    /// <summary>The width in pixels that SDXL is told the picture had before it was brought to its size.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? OriginalWidth { get; set; }

    /// <summary>The height in pixels that SDXL is told the picture had before it was brought to its size.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? OriginalHeight { get; set; }

    /// <summary>How many pixels SDXL is told were cut off above the picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? CropTop { get; set; }

    /// <summary>How many pixels SDXL is told were cut off to the left of the picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? CropLeft { get; set; }

    /// <summary>The width in pixels that SDXL is told the picture was brought to.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? TargetWidth { get; set; }

    /// <summary>The height in pixels that SDXL is told the picture was brought to.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? TargetHeight { get; set; }

    /// <summary>How good SDXL's refiner is told the picture is; 6 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? AestheticScore { get; set; }

    /// <summary>How good SDXL's refiner is told the picture of the negative prompt is; 2.5 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? NegativeAestheticScore { get; set; }

    /// <summary>An image that says what of the given one is painted anew, as a path or as an object: white is painted, black is kept.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public object? MaskImage { get; set; }

    /// <summary>The ControlNets that steer besides the prompt: names of those in the store, or paths of folders or files.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ControlNetCompleter))]
    [List]
    public string[]? ControlNet { get; set; }

    /// <summary>The picture that each ControlNet looks at: a path, or a picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [List]
    public object[]? ControlImage { get; set; }

    /// <summary>What is made of each picture first: None, Canny, Invert or Tile.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Settings.ControlPreprocessor>))]
    [List]
    public string[]? ControlPreprocessor { get; set; }

    /// <summary>How strongly each ControlNet steers; 1 as it was trained.</summary>
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

    /// <summary>The settings as the engine takes them.</summary>
    private protected DenoiseOptions CreateOptions()
    {
        DenoiseOptions options = SettingTable.Create<DenoiseOptions>(row => ValueOf(row.Name)) with
        {
            SchedulerOptions = SchedulerOptionText.Write(IsLeftOut(nameof(SchedulerOption)) ? null : SchedulerOption?.Cast<DictionaryEntry>().ToDictionary(
                entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
                entry => entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value,
                StringComparer.OrdinalIgnoreCase)),
            Mask = ImageSetting.Read(nameof(MaskImage), MaskImage, path => ImageFile.ReadMask(ResolveFile(path)), StableDiffusion.Images.MaskImage.FromImage),
            Controls = CreateControls(),
        };

        // A strength of 0 is a choice; none at all is forgotten.
        if (options is { VariationSeed: not null, VariationStrength: null })
            RefuseIdle(nameof(VariationSeed), "VariationSeed has no effect without VariationStrength. Give that too, from 0 to 1, or leave VariationSeed out.");
        return options;
    }

    /// <summary>Whether a setting that the object of the pipeline carries along is none of the new image.</summary>
    /// <param name="setting">The setting.</param>
    /// <remarks>The settings of a model in the pipeline are its defaults; as settings they would not go with a picture to start from.</remarks>
    private protected virtual bool IsLeftOut(string setting) => Input?.Model is not null && !IsFixed(setting);

    private object? ValueOf(string setting) => IsLeftOut(setting) ? null : setting == nameof(Scheduler) ? SchedulerOfRecord() : Parameter(setting)?.GetValue(this) switch
    {
        Number number => number.Get(setting),
        string text when !string.IsNullOrWhiteSpace(text) => text,
        _ => null,
    };

    /// <summary>Refuses a setting that has no effect. One that an object carries along, such as an image that is made again, is passed over.</summary>
    /// <param name="setting">The setting, which has a value.</param>
    /// <param name="message">What it needs, and what to do.</param>
    private protected void RefuseIdle(string setting, string message)
    {
        if (!IsCarriedAlong(setting))
            throw new InvalidSettingException(setting, message);
    }

    /// <remarks>A1111's API has the sampler and its schedule in two columns, the latter under the name of this parameter.</remarks>
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
    /// <param name="latent">What it gave.</param>
    private protected void ReportControlImages(DenoiseOptions options, Latent latent)
    {
        foreach (DiffusionImage image in options.Controls.Select(control => control.Image))
        {
            if (image.Width != latent.Width || image.Height != latent.Height)
                WriteVerbose($"The ControlNet's image was brought from {image} to {latent.Width}x{latent.Height} pixels.");
        }
    }

    private IReadOnlyList<ControlOptions> CreateControls()
    {
        string[] nets = [.. (ControlNet ?? []).Where(net => !string.IsNullOrWhiteSpace(net))];
        if (nets.Length == 0)
        {
            foreach (string setting in ControlSettingsGiven())
                RefuseIdle(setting, $"{setting} needs a ControlNet, and none is given. Give one with -ControlNet, or leave {setting} out.");
            return [];
        }

        if (ControlImage is null or [] && IsCarriedAlong(nameof(ControlNet)))
        {
            Warn($"The ControlNet {string.Join(", ", nets)} is left out: the picture that it looked at came from no file. Give it with -ControlImage.");
            return [];
        }

        return new ControlSettings([.. nets.Select(ResolveControlNet)], path => ImageFile.Read(ResolveFile(path)))
            .Combine(ControlImage, ControlPreprocessor, Number.Read(ControlScale), Number.Read(ControlStart), Number.Read(ControlEnd));
    }

    private IEnumerable<string> ControlSettingsGiven() =>
        ((IEnumerable<(string Setting, IEnumerable<object?>? Values)>)
        [
            (nameof(ControlImage), ControlImage),
            (nameof(ControlPreprocessor), ControlPreprocessor),
            (nameof(ControlScale), ControlScale),
            (nameof(ControlStart), ControlStart),
            (nameof(ControlEnd), ControlEnd),
        ]).Where(control => control.Values?.Any(value => !Cell.IsEmpty(Cell.Unwrap(value))) == true).Select(control => control.Setting);

    private string ResolveControlNet(string net)
    {
        if (ModelLibrary.Default.ControlNets.Contains(net))
            return net;

        try
        {
            string path = ResolveOutput(net);
            return Path.Exists(path) ? path : net;
        }
        catch (RecordException)
        {
            // No path of the file system; the engine says which ControlNets there are.
            return net;
        }
    }
}
