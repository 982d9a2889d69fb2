using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Models;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that denoise: the settings of the denoising and its progress.</summary>
public abstract class DenoiseCmdlet : AdapterCmdlet
{
    private const int DenoisingActivityId = 2;

    private static readonly TimeSpan s_progressInterval = TimeSpan.FromMilliseconds(100);

    private bool _isControlNetFixed;

    /// <summary>The seed of the noise, 0 or more; drawn at random where it is left out. The same seed and settings give the same picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<long>]
    public long? Seed { get; set; }

    /// <summary>Whose random numbers the seed stands for: TorchCpu or Cuda.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <summary>The seed of the noise that the start noise is turned towards; drawn at random where it is left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Subseed")]
    [Number<long>]
    public long? VariationSeed { get; set; }

    /// <summary>How far the start noise is turned, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SubseedStrength")]
    [Number<double>]
    public double? VariationStrength { get; set; }

    /// <summary>The width in pixels of the picture whose noise stands in the middle of this one's.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? SeedResizeWidth { get; set; }

    /// <summary>The height in pixels of the picture whose noise stands in the middle of this one's.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? SeedResizeHeight { get; set; }

    /// <summary>What is added to the seed for the noise of the steps.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ENSD")]
    [Number<long>]
    public long? EtaNoiseSeedDelta { get; set; }

    /// <summary>How many pictures the batch has whose noise is drawn from one generator; goes with BatchIndex.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? BatchSize { get; set; }

    /// <summary>Which picture of that batch to make, counted from 0.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? BatchIndex { get; set; }

    /// <summary>How many steps, 1 to 1000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? Steps { get; set; }

    /// <summary>The scheduler, by any name that Get-DiffusionScheduler lists.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [Alias("Sampler")]
    public string? Scheduler { get; set; }

    /// <summary>Options of the scheduler, such as @{ timestep_spacing = 'trailing' }.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerOptionCompleter))]
    public Hashtable? SchedulerOption { get; set; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no part.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("CfgScale")]
    [Number<double>]
    public double? GuidanceScale { get; set; }

    /// <summary>How strongly a model that edits pictures by instructions follows the given one, 0 to 100; 1.5 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ImageCfgScale")]
    [Number<double>]
    public double? ImageGuidanceScale { get; set; }

    /// <summary>How far the guided prediction's deviation is drawn back, 0 to 1, against overexposure.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public double? GuidanceRescale { get; set; }

    /// <summary>How far a given picture is noised before denoising, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public double? Strength { get; set; }

    /// <summary>The picture's width in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? Width { get; set; }

    /// <summary>The picture's height in pixels, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? Height { get; set; }

    /// <summary>The width in pixels that SDXL is told the picture had before it was brought to its size.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? OriginalWidth { get; set; }

    /// <summary>The height in pixels that SDXL is told the picture had before it was brought to its size.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? OriginalHeight { get; set; }

    /// <summary>How many pixels SDXL is told were cut off above the picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? CropTop { get; set; }

    /// <summary>How many pixels SDXL is told were cut off to the left of the picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? CropLeft { get; set; }

    /// <summary>The width in pixels that SDXL is told the picture was brought to.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? TargetWidth { get; set; }

    /// <summary>The height in pixels that SDXL is told the picture was brought to.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public int? TargetHeight { get; set; }

    /// <summary>How good SDXL's refiner is told the picture is; 6 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public double? AestheticScore { get; set; }

    /// <summary>How good SDXL's refiner is told the picture of the negative prompt is; 2.5 unless it is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public double? NegativeAestheticScore { get; set; }

    /// <summary>An image that says what of the given one is painted anew, as a path or as an object: white is painted, black is kept.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public object? MaskImage { get; set; }

    /// <summary>The ControlNets that steer besides the prompt: names of those in the store, or paths of folders or files.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ControlNetCompleter))]
    public string[]? ControlNet { get; set; }

    /// <summary>The picture that each ControlNet looks at: a path, or a picture.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public object[]? ControlImage { get; set; }

    /// <summary>What is made of each picture first: None, Canny, Invert or Tile.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Images.Control.ControlPreprocessor>))]
    public string[]? ControlPreprocessor { get; set; }

    /// <summary>How strongly each ControlNet steers; 1 as it was trained.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Numbers<double>]
    public double[]? ControlScale { get; set; }

    /// <summary>The part of the steps before each ControlNet takes effect, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Numbers<double>]
    public double[]? ControlStart { get; set; }

    /// <summary>The part of the steps after which each ControlNet no longer takes effect, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Numbers<double>]
    public double[]? ControlEnd { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isControlNetFixed = MyInvocation.BoundParameters.ContainsKey(nameof(ControlNet));
    }

    /// <summary>The settings as the engine takes them.</summary>
    private protected DenoiseOptions CreateOptions() => new()
    {
        Seed = Seed,
        Noise = new NoiseOptions
        {
            RandomSource = string.IsNullOrWhiteSpace(RandomSource) ? null : EnumSetting.Parse(nameof(RandomSource), RandomSource, StableDiffusion.Noise.RandomSource.TorchCpu),
            VariationSeed = VariationSeed,
            VariationStrength = VariationStrength,
            SeedResizeWidth = SeedResizeWidth,
            SeedResizeHeight = SeedResizeHeight,
            EtaNoiseSeedDelta = EtaNoiseSeedDelta,
            BatchSize = BatchSize,
            BatchIndex = BatchIndex,
        },
        Steps = Steps,
        Scheduler = string.IsNullOrWhiteSpace(Scheduler) ? null : Scheduler,
        SchedulerOptions = SchedulerOption?.Cast<DictionaryEntry>().ToDictionary(
            entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
            entry => entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value,
            StringComparer.OrdinalIgnoreCase),
        GuidanceScale = GuidanceScale,
        ImageGuidanceScale = ImageGuidanceScale,
        GuidanceRescale = GuidanceRescale ?? 0,
        Strength = Strength,
        Width = Width,
        Height = Height,
        MicroConditioning = new MicroConditioning
        {
            OriginalWidth = OriginalWidth,
            OriginalHeight = OriginalHeight,
            CropTop = CropTop,
            CropLeft = CropLeft,
            TargetWidth = TargetWidth,
            TargetHeight = TargetHeight,
            AestheticScore = AestheticScore,
            NegativeAestheticScore = NegativeAestheticScore,
        },
        Mask = ImageSetting.Read(nameof(MaskImage), MaskImage, path => ImageFile.ReadMask(ResolveFile(path)), StableDiffusion.Images.MaskImage.FromImage),
        Controls = CreateControls(),
    };

    /// <summary>Denoises with a progress bar and a verbose line.</summary>
    /// <param name="pipeline">The open model.</param>
    /// <param name="embedding">What to show.</param>
    /// <param name="negative">What not to show; may be null.</param>
    /// <param name="start">Where to start; null starts from noise.</param>
    /// <param name="options">How to denoise.</param>
    /// <param name="eachStep">Called after each step; may be null.</param>
    /// <param name="parentActivity">The progress that this one is a part of; -1 for none.</param>
    private protected Latent Denoise(
        DiffusionPipeline pipeline,
        TextEmbedding embedding,
        TextEmbedding? negative,
        Latent? start,
        DenoiseOptions options,
        Action<StepProgress>? eachStep,
        int parentActivity = -1)
    {
        long begun = Stopwatch.GetTimestamp();
        long lastShown = 0;
        int steps = 0;
        WriteProgress(Record("starting"));
        try
        {
            Latent latent = Timed("Denoising", () => pipeline.Denoise(embedding, negative, start, options, Report, CancellationToken));
            foreach (DiffusionImage image in options.Controls.Select(control => control.Image))
            {
                if (image.Width != latent.Width || image.Height != latent.Height)
                    WriteVerbose($"The ControlNet's picture was brought from {image} to {latent.Width}x{latent.Height} pixels.");
            }

            return latent;
        }
        finally
        {
            ProgressRecord last = Record("done");
            last.RecordType = ProgressRecordType.Completed;
            WriteProgress(last);
        }

        // One for each report: jobs and hosts keep the records that they are given.
        ProgressRecord Record(string state) => new(DenoisingActivityId, $"Denoising '{embedding.Prompt}'", state) { ParentActivityId = parentActivity };

        void Report(StepProgress progress)
        {
            steps++;
            eachStep?.Invoke(progress);
            if (lastShown != 0 && Stopwatch.GetElapsedTime(lastShown) < s_progressInterval && progress.Step < progress.StepCount)
                return;

            lastShown = Stopwatch.GetTimestamp();
            TimeSpan perStep = Stopwatch.GetElapsedTime(begun) / steps;
            ProgressRecord record = Record($"step {progress.Step} of {progress.StepCount}");
            record.PercentComplete = progress.Step * 100 / progress.StepCount;
            record.SecondsRemaining = (int)Math.Ceiling((perStep * (progress.StepCount - progress.Step)).TotalSeconds);
            WriteProgress(record);
        }
    }

    private IReadOnlyList<ControlOptions> CreateControls()
    {
        string[] nets = [.. (ControlNet ?? []).Where(net => !string.IsNullOrWhiteSpace(net))];
        if (nets.Length == 0)
            return [];

        if (ControlImage is null or [] && !_isControlNetFixed)
        {
            WriteWarning($"The ControlNet {string.Join(", ", nets)} is left out: the picture that it looked at came from no file. Give it with -ControlImage.");
            return [];
        }

        return new ControlSettings([.. nets.Select(ResolveControlNet)], path => ImageFile.Read(ResolveFile(path)))
            .Combine(ControlImage, ControlPreprocessor, ControlScale, ControlStart, ControlEnd);
    }

    private string ResolveControlNet(string net)
    {
        if (ControlNetStore.Contains(net))
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
