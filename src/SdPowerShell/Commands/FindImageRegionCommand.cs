using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Finds objects in images, such as faces.</summary>
[Cmdlet(VerbsCommon.Find, "ImageRegion", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DetectedRegion))]
public sealed class FindImageRegionCommand : ImageFileCmdlet
{
    private const int LongestLabels = 1000;

    private readonly DetectorInUse _detector = new();

    // Its name or path, which is found once for all images.
    private string? _found;
    private bool _isLabelChecked;

    /// <summary>The detector: a name in the store, the path of its file, or Shapes, which ships with the module.</summary>
    [Parameter(Position = 1)]
    [Alias("Model")]
    [ArgumentCompleter(typeof(DetectorCompleter))]
    public string? Detector { get; set; }

    /// <summary>The lowest score of a region, 0 to 1.</summary>
    [Parameter]
    public double Confidence { get; set; } = DetectOptions.DefaultConfidence;

    /// <summary>The names of the classes to find; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Label { get; set; }

    /// <summary>How the regions are sorted: Confidence, Area, LeftToRight or CenterToEdge.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<RegionOrder>))]
    public string? SortBy { get; set; }

    /// <summary>How many regions of an image are returned, the first ones.</summary>
    [Parameter]
    public int? First { get; set; }

    /// <summary>The device to run on; Auto selects the best available one.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = StableDiffusion.Onnx.Device.Auto;

    /// <inheritdoc/>
    /// <remarks>The detector is the same for all images.</remarks>
    protected override bool EndsPipeline(Exception error) => error is DetectorNotFoundException or ModelInvalidException || base.EndsPipeline(error);

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachImage(image => WriteObject(Find(image.Read(ParameterSetName, file => ImageFile.ReadWithSettings(file, CancellationToken), static image => image)), enumerateCollection: true));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _detector.Dispose();
        base.Dispose(disposing);
    }

    private IReadOnlyList<DetectedRegion> Find(DiffusionImage image)
    {
        WildcardPattern[]? patterns = Label is null ? null : Array.ConvertAll(Label, Pattern);
        DetectOptions options = new()
        {
            Confidence = Confidence,
            Order = EnumSetting.Parse(nameof(SortBy), SortBy, RegionOrder.Confidence),
            First = First,
            Accepts = patterns is null ? null : label => Array.Exists(patterns, pattern => pattern.IsMatch(label)),
        };
        options.Check();
        _found ??= DetectorInUse.Find(string.IsNullOrWhiteSpace(Detector) ? options.Detector : Detector, isNameOnly: false, path => PathHelper.FindExisting(this, path));
        StableDiffusion.Detecting.Detector detector = _detector.Open(_found, Device, ReportLoading, CancellationToken);
        WarnOfUnknown(detector);
        return detector.Find(image, options, CancellationToken);
    }

    /// <summary>Warns once of labels that no class of the detector has.</summary>
    private void WarnOfUnknown(StableDiffusion.Detecting.Detector detector)
    {
        string[] known = [.. detector.Labels.Distinct()], given = Label ?? [];
        if (known.Length == 0 || _isLabelChecked)
            return;

        _isLabelChecked = true;
        foreach (string label in given.Where(label => !Array.Exists(known, Pattern(label).IsMatch)))
            WriteWarning($"The detector '{detector.Name}' has no class '{label}', so that none is found. It has: {InputRecord.Shorten(string.Join(", ", known), LongestLabels)}.");
    }

    private static WildcardPattern Pattern(string label) => WildcardPattern.Get(label, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant);
}
