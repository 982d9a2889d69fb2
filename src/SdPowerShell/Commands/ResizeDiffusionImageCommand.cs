using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Commands;

/// <summary>Enlarges images with an upscaler, or resizes them with a filter.</summary>
[Cmdlet(VerbsCommon.Resize, "DiffusionImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ResizeDiffusionImageCommand : ImageFileCmdlet
{
    private readonly UpscalerInUse _upscaler = new();

    // Its name or path, which is found once for all images.
    private string? _found;

    /// <summary>The factor of both sides, which are then rounded down to multiples of 8.</summary>
    [Parameter(Position = 1)]
    public double? Scale { get; set; }

    /// <summary>The new width in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? Width { get; set; }

    /// <summary>The new height in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? Height { get; set; }

    /// <summary>How the image fills a size of other proportions: Crop, Stretch or Pad.</summary>
    [Parameter]
    [ValidateSet(nameof(StableDiffusion.Settings.ResizeMode.Crop), nameof(StableDiffusion.Settings.ResizeMode.Stretch), nameof(StableDiffusion.Settings.ResizeMode.Pad))]
    public string? ResizeMode { get; set; }

    /// <summary>The upscaler: a name in the store, the path of its file, or a filter.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(UpscalerCompleter))]
    public string? Upscaler { get; set; }

    /// <summary>The side of the tiles that a network works in, in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? TileSize { get; set; }

    /// <summary>The width of the seams between two tiles, in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? TileOverlap { get; set; }

    /// <summary>The device to run on; Auto selects the best available one.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = StableDiffusion.Onnx.Device.Auto;

    /// <summary>Takes upscalers by their names in the folder of upscalers alone, never by a path.</summary>
    [Parameter]
    public SwitchParameter NamesOnly { get; set; }

    /// <inheritdoc/>
    /// <remarks>The upscaler is the same for all images.</remarks>
    protected override bool EndsPipeline(Exception error) => error is UpscalerNotFoundException or ModelInvalidException || base.EndsPipeline(error);

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachImage(image => WriteObject(Resize(image.Read(ParameterSetName, file => ImageFile.ReadWithSettings(file, CancellationToken), static image => image))));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _upscaler.Dispose();
        base.Dispose(disposing);
    }

    private DiffusionImage Resize(DiffusionImage image)
    {
        UpscaleOptions options = CreateOptions();
        ImageUpscaling.Check(image, options);
        if (ImageUpscaling.FilterOf(options.Upscaler) is ResampleFilter filter)
            return ImageUpscaling.Run(image, filter, options, CancellationToken);

        Upscaler opened = _upscaler.Open(_found ??= Find(options.Upscaler), Device, ReportLoading, CancellationToken);
        return ImageUpscaling.Run(image, opened, options, ReportLoading, CancellationToken);
    }

    private string Find(string upscaler)
    {
        NetworkStore store = ModelLibrary.Default.Upscalers;
        if (NamesOnly)
            store.CheckName(upscaler);
        return store.Contains(upscaler) ? upscaler : PathHelper.FindExisting(this, upscaler) ?? upscaler;
    }

    private UpscaleOptions CreateOptions()
    {
        UpscaleOptions defaults = new();
        string upscaler = string.IsNullOrWhiteSpace(Upscaler) ? defaults.Upscaler : Upscaler;
        if (ResizeMode is not null && (Width is null || Height is null))
            throw new InvalidSettingException(nameof(ResizeMode), "ResizeMode has no effect without both Width and Height.");
        if ((TileSize ?? TileOverlap) is not null && ImageUpscaling.FilterOf(upscaler) is ResampleFilter filter)
            throw new InvalidSettingException(TileSize is null ? nameof(TileOverlap) : nameof(TileSize), $"The filter {filter} has no tiles. Omit {nameof(TileSize)} and {nameof(TileOverlap)}, or choose an upscaler that is a network.");
        return defaults with
        {
            Upscaler = upscaler,
            Scale = Scale,
            Width = Width,
            Height = Height,
            ResizeMode = EnumSetting.Parse(nameof(ResizeMode), ResizeMode, defaults.ResizeMode),
            TileSize = TileSize ?? defaults.TileSize,
            TileOverlap = TileOverlap ?? defaults.TileOverlap,
        };
    }
}
