using System.Management.Automation;
using System.Runtime.CompilerServices;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Details;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Paints regions of images anew, each with its own prompt.</summary>
[Cmdlet(VerbsDiagnostic.Repair, "DiffusionImage", DefaultParameterSetName = RegionSet, SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionImage))]
public sealed class RepairDiffusionImageCommand : ModelCmdlet
{
    private const string RegionSet = "Region";
    private const string ImageSet = "Image";
    private const int BoxNumbers = 4;

    private readonly DetectorInUse _detector = new();

    // The images whose regions were painted. A script may let go of an image that was written.
    private readonly ConditionalWeakTable<DiffusionImage, object> _written = [];
    private string? _found;

    // The image whose regions come one after another.
    private DiffusionImage? _source;
    private DiffusionImage? _repaired;
    private RegionRepair? _repair;
    private AdapterSet? _adapters;
    private DenoiseOptions? _options;
    private int _index;
    private int _imageCount;

    /// <summary>The regions, from Find-ImageRegion. Those of one image are painted in their order.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = RegionSet)]
    [ValidateNotNullOrEmpty]
    public DetectedRegion[] Region { get; set; } = [];

    /// <summary>The images: image objects, files, or paths that are taken as they are written.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ImageSet)]
    [Alias("Image", "Path", "LiteralPath", "PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = "Path LiteralPath PSPath LP")]
    public ImageInput[] InputObject { get; set; } = [];

    /// <summary>The detector that finds the regions of the images.</summary>
    [Parameter(ParameterSetName = ImageSet)]
    [ArgumentCompleter(typeof(DetectorCompleter))]
    public string? Detector { get; set; }

    /// <summary>The lowest score of a region that is painted, 0 to 1.</summary>
    [Parameter(ParameterSetName = ImageSet)]
    public double Confidence { get; set; } = DetectOptions.DefaultConfidence;

    /// <summary>The region of the images, in place of a detector: left, top, width and height in pixels.</summary>
    [Parameter(ParameterSetName = ImageSet)]
    public int[]? Box { get; set; }

    /// <summary>What the region shows; the default is the prompt of the image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Prompt { get; set; }

    /// <summary>What the region should not show; the default is the negative prompt of the image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? NegativePrompt { get; set; }

    /// <summary>How much noise is added to the region, above 0 and up to 1.</summary>
    [Parameter]
    public double Strength { get; set; } = RegionRepair.DefaultStrength;

    /// <summary>By how many pixels the region grows; below 0 it shrinks.</summary>
    [Parameter]
    public int Dilation { get; set; } = RegionRepair.DefaultDilation;

    /// <summary>The standard deviation of the blur of the region's edge in pixels, 0 to 256.</summary>
    [Parameter]
    public int MaskBlur { get; set; } = RegionRepair.DefaultMaskBlur;

    /// <summary>How many pixels around the region are made with it, 0 or more.</summary>
    [Parameter]
    public int MaskPadding { get; set; } = MaskRegion.DefaultPadding;

    /// <summary>The seed of the first region; the next one has the next seed.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The number of steps, 1 to 1000.</summary>
    [Parameter]
    public int? Steps { get; set; }

    /// <summary>How strongly the prompt is followed, 0 to 100.</summary>
    [Parameter]
    public double? GuidanceScale { get; set; }

    /// <summary>The scheduler.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    public string? Scheduler { get; set; }

    /// <summary>The width that the region is made at, a multiple of 8; the default is that of the model.</summary>
    [Parameter]
    public int? Width { get; set; }

    /// <summary>The height that the region is made at, a multiple of 8; the default is that of the model.</summary>
    [Parameter]
    public int? Height { get; set; }

    /// <inheritdoc/>
    /// <remarks>The detector is the same for all images.</remarks>
    protected override bool EndsPipeline(Exception error) => error is DetectorNotFoundException || base.EndsPipeline(error);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        string? other = IsFixed(nameof(Detector)) ? nameof(Detector) : IsFixed(nameof(Confidence)) ? nameof(Confidence) : null;
        if (Box is null || other is null)
            return;

        InvalidSettingException error = new(nameof(Box), $"Box says where the region is, and {other} is for a detector that finds regions. Omit Box, or omit {other}.");
        ThrowTerminatingError(DiffusionError.ToErrorRecord(error, Box, MyInvocation.MyCommand));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == RegionSet)
        {
            foreach (DetectedRegion region in Region)
                Repair(region);
            return;
        }

        foreach (ImageInput given in ImageInput.Resolve(this, InputObject, hasWildcards: false))
        {
            ProcessOne(given.Given, () => RepairAll(Read(given)));
            Finish();
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => Finish();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _detector.Dispose();
        base.Dispose(disposing);
    }

    private DiffusionImage Read(ImageInput given)
    {
        if (given.Given is DetectedRegion)
            throw new InvalidSettingException(nameof(Region), "A region is painted where it is, and Detector, Confidence and Box are for images. Omit them, or give the image of the region.");
        if (given.Given is PSObject copy && copy.TypeNames.Any(static name => name.EndsWith(typeof(DetectedRegion).FullName!, StringComparison.Ordinal)))
            throw new InvalidSettingException(nameof(Region), "This is a copy of a region, as a job, Export-Clixml or Select-Object with properties makes it, and a copy has no image. Give the regions that Find-ImageRegion returned; Where-Object, Sort-Object and the parameter First of Select-Object choose among them.");
        return given.Read(nameof(InputObject), file => ImageFile.ReadWithSettings(file, CancellationToken), static image => image);
    }

    private void RepairAll(DiffusionImage image)
    {
        Open(image);
        IReadOnlyList<DetectedRegion> regions = Box is null ? Find(image) : [OfBox(image, Box)];
        if (regions.Count == 0)
        {
            WriteWarning($"Nothing was found in the image '{image.Path ?? image.ToString()}', which is not changed.");
            WriteObject(image);
            return;
        }

        foreach (DetectedRegion region in regions)
            Repair(region);
    }

    /// <summary>Begins with another image.</summary>
    private void Open(DiffusionImage image)
    {
        Finish();
        _source = image;
        Subject = image.Path is string path ? Path.GetFileName(path) : InputRecord.DescribeItem("Image", _imageCount, image.Prompt);
        _imageCount++;
    }

    private static DetectedRegion OfBox(DiffusionImage image, int[] box) => box.Length == BoxNumbers
        ? new DetectedRegion(image, box[0], box[1], box[2], box[3])
        : throw new InvalidSettingException(nameof(Box), $"Box has {box.Length} numbers, but must have four: left, top, width and height.");

    private IReadOnlyList<DetectedRegion> Find(DiffusionImage image)
    {
        DetectOptions options = new() { Confidence = Confidence };
        options.Check();
        _found ??= DetectorInUse.Find(string.IsNullOrWhiteSpace(Detector) ? options.Detector : Detector, NamesOnly, path => PathHelper.FindExisting(this, path));
        return _detector.Open(_found, DeviceName, ReportLoading, CancellationToken).Find(image, options, CancellationToken);
    }

    /// <summary>Paints a region of the image that is worked on, which begins with the first region of another image.</summary>
    private void Repair(DetectedRegion region)
    {
        if (!ReferenceEquals(_source, region.Image))
        {
            Open(region.Image);
            if (_written.TryGetValue(region.Image, out _))
                Warn("An image with some of its regions painted was written before. This one is painted on the original again, and another image is written. Keep the regions of an image together, such as by Sort-Object { $_.Image.Path }, Label.");
        }

        int index = _index++;
        if (index == 0)
            ProcessOne(region, () => Begin(region.Image.Info));
        if (_options is not null)
            ProcessOne(region, () => Repair(region, index));
    }

    /// <summary>Determines what the regions of an image have in common. Where that fails, none of them is painted.</summary>
    private void Begin(GenerationInfo info)
    {
        _adapters = LorasOf(info);
        _repair = new RegionRepair([.. (TextList.Read(info.TextualInversion) ?? []).OfType<string>().Select(name => Find(name, ModelLibrary.Default.LoadEmbedding, ModelLibrary.Default.LoadEmbeddingByName))]);
        DenoiseOptions ofImage = RegionRepair.OptionsOf(info), options = ofImage with
        {
            Strength = Strength,
            MaskBlur = MaskBlur,
            MaskPadding = MaskPadding,
            Seed = Seed ?? info.Seed,
            Steps = Steps ?? ofImage.Steps,
            GuidanceScale = GuidanceScale ?? ofImage.GuidanceScale,
            Scheduler = string.IsNullOrWhiteSpace(Scheduler) ? ofImage.Scheduler : Scheduler,
            SchedulerOptions = string.IsNullOrWhiteSpace(Scheduler) ? ofImage.SchedulerOptions : null,
            Width = Width,
            Height = Height,
            Vae = ResolveVae(ofImage.Vae),
        };
        SettingTable.Check(options);
        if (options.Scheduler is string scheduler)
            SchedulerCatalog.Find(scheduler);
        _options = options with { Seed = RandomSeed.Resolve(options.Seed) };
    }

    private void Repair(DetectedRegion region, int index)
    {
        DenoiseOptions options = OptionsOf(region.Image.Info, index);
        MaskImage mask = RegionRepair.MaskOf(region, Dilation);
        if (!ShouldProcess($"{region} (seed {options.Seed}, '{options.Prompt}')", "Repair region"))
            return;

        Observer observer = new(this, options.Prompt);
        _repaired = UsePipeline(pipeline => _repair!.Run(pipeline, _repaired ?? region.Image, mask, options, observer, CancellationToken), _adapters, region.Image.Model);
    }

    private DenoiseOptions OptionsOf(GenerationInfo info, int index)
    {
        long seed = _options!.Seed!.Value;
        if (info.Stages?.HasMergedPrompt == true && (string.IsNullOrWhiteSpace(Prompt) || (string.IsNullOrWhiteSpace(NegativePrompt) && !string.IsNullOrWhiteSpace(info.NegativePrompt))))
            throw new InvalidSettingException(nameof(Prompt), "The prompt or the negative prompt of the image is merged from several, and cannot be encoded from its text. Say with Prompt, and with NegativePrompt if the image has one, what the region shows.");
        return _options with
        {
            Prompt = !string.IsNullOrWhiteSpace(Prompt) ? Prompt : !string.IsNullOrWhiteSpace(info.Prompt) ? info.Prompt
                : throw new InvalidSettingException(nameof(Prompt), "The record of the image has no prompt. Say with Prompt what the region shows."),
            NegativePrompt = string.IsNullOrWhiteSpace(NegativePrompt) ? info.NegativePrompt : NegativePrompt,
            Seed = seed > long.MaxValue - index ? throw new InvalidSettingException(nameof(Seed), $"The seed {seed} leaves none for the region {index + 1}. Use a lower one.") : seed + index,
        };
    }

    private AdapterSet LorasOf(GenerationInfo info) => AdapterSet.Create(
        [.. (TextList.Read(info.Lora) ?? []).OfType<string>().Select(text => Lora.Parse(text, name => Find(name, ModelLibrary.Default.FindLora, ModelLibrary.Default.FindLoraByName)))]);

    /// <summary>Finds an adapter that an image names. A text that is no full path is a name, and never one of a file in the current location.</summary>
    private T Find<T>(string name, Func<string, CancellationToken, T> find, Func<string, CancellationToken, T> findName) =>
        (Path.IsPathFullyQualified(name) && !NamesOnly ? find : findName)(name, CancellationToken);

    /// <summary>Writes the image that was worked on, if a region of it was painted.</summary>
    private void Finish()
    {
        (DiffusionImage? source, DiffusionImage? repaired) = (_source, _repaired);
        (_source, _repaired, _repair, _adapters, _options, _index, Subject) = (null, null, null, null, null, 0, null);
        if (source is null || repaired is null)
            return;

        _written.AddOrUpdate(source, this);
        WriteObject(repaired);
    }

    private sealed class Observer(RepairDiffusionImageCommand command, string? prompt) : StageObserver
    {
        private DenoisingProgress? _denoising;

        public override T Run<T>(Stage stage, Func<T> work)
        {
            if (stage != Stage.Denoising)
                return command.Timed(stage.ToString(), work);
            using DenoisingProgress progress = _denoising = new(command.WriteProgress, prompt);
            return command.Timed(stage.ToString(), work);
        }

        public override void OnEncoded(TextEmbedding embedding) => PromptReader.WarnOf(command, embedding);

        public override void OnStep(StepProgress progress) => _denoising!.Report(progress);
    }
}
