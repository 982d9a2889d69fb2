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
    // Opened for the first image, for all of them.
    private Upscaler? _opened;

    /// <summary>The factor of both sides, which are then rounded down to multiples of 8.</summary>
    [Parameter(Position = 1)]
    public double? Scale { get; set; }

    /// <summary>The new width in pixels.</summary>
    [Parameter]
    public int? Width { get; set; }

    /// <summary>The new height in pixels.</summary>
    [Parameter]
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
    public int? TileSize { get; set; }

    /// <summary>The width of the seams between two tiles, in pixels.</summary>
    [Parameter]
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
            _opened?.Dispose();
        base.Dispose(disposing);
    }

    private DiffusionImage Resize(DiffusionImage image)
    {
        UpscaleOptions options = CreateOptions();
        ImageUpscaling.Check(image, options);
        if (ImageUpscaling.FilterOf(options.Upscaler) is ResampleFilter filter)
            return ImageUpscaling.Run(image, filter, options, CancellationToken);

        _opened ??= Open(options.Upscaler);
        return ImageUpscaling.Run(image, _opened, options, ReportLoading, CancellationToken);
    }

    private Upscaler Open(string upscaler)
    {
        ModelLibrary library = ModelLibrary.Default;
        if (NamesOnly)
            library.Upscalers.CheckName(upscaler);
        StableDiffusion.Onnx.Device device = StableDiffusion.Onnx.Devices.Resolve(string.IsNullOrWhiteSpace(Device) ? StableDiffusion.Onnx.Device.Auto : Device, out _);
        return library.OpenUpscaler(library.Upscalers.Contains(upscaler) ? upscaler : PathHelper.FindExisting(this, upscaler) ?? upscaler, device, ReportLoading, CancellationToken);
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
