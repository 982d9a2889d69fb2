using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Preprocesses images for a ControlNet.</summary>
[Cmdlet(VerbsData.ConvertTo, "ControlImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ConvertToControlImageCommand : FileCmdlet
{
    /// <summary>An image in memory.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    public DiffusionImage? InputObject { get; set; }

    /// <summary>The preprocessor: Canny, Invert, Tile or None.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(EnumCompleter<ControlPreprocessor>))]
    public string Preprocessor { get; set; } = string.Empty;

    /// <summary>The lower threshold of Canny: a pixel above it is part of an edge if the edge has a pixel above HighThreshold.</summary>
    [Parameter]
    [ValidateRange(0, 2040)]
    public int LowThreshold { get; set; } = CannyEdges.DefaultLowThreshold;

    /// <summary>The upper threshold of Canny: a pixel above it is always part of an edge.</summary>
    [Parameter]
    [ValidateRange(0, 2040)]
    public int HighThreshold { get; set; } = CannyEdges.DefaultHighThreshold;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputObjectSet)
        {
            ProcessOne(InputObject, () => WriteObject(Convert(InputObject!)));
            return;
        }

        foreach (string file in ResolvePaths())
            ProcessOne(file, () => WriteObject(Convert(ImageFile.Load(file, CancellationToken))));
    }

    private DiffusionImage Convert(DiffusionImage image) =>
        ControlImage.Preprocess(image, EnumSetting.Parse(nameof(Preprocessor), Preprocessor, ControlPreprocessor.None), LowThreshold, HighThreshold);
}
