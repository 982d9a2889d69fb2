using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Preprocesses images for a ControlNet.</summary>
[Cmdlet(VerbsData.ConvertTo, "ControlImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ConvertToControlImageCommand : ImageFileCmdlet
{
    /// <summary>The preprocessor: Canny, Invert, Tile or None.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(EnumCompleter<ControlPreprocessor>))]
    public string Preprocessor { get; set; } = string.Empty;

    /// <summary>The lower threshold of Canny: a pixel above it is part of an edge if the edge has a pixel above HighThreshold.</summary>
    [Parameter]
    [ValidateRange(0, 2040)]
    [WholeNumber]
    public int LowThreshold { get; set; } = CannyEdges.DefaultLowThreshold;

    /// <summary>The upper threshold of Canny: a pixel above it is always part of an edge.</summary>
    [Parameter]
    [ValidateRange(0, 2040)]
    [WholeNumber]
    public int HighThreshold { get; set; } = CannyEdges.DefaultHighThreshold;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachImage(image => WriteObject(Convert(image.Read(ParameterSetName, file => ImageFile.Load(file, CancellationToken), static image => image))));

    private DiffusionImage Convert(DiffusionImage image) =>
        ControlImage.Preprocess(image, EnumSetting.Parse(nameof(Preprocessor), Preprocessor, ControlPreprocessor.None), LowThreshold, HighThreshold, CancellationToken);
}
