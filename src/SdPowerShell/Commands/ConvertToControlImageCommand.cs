using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Makes of pictures what a ControlNet looks at.</summary>
[Cmdlet(VerbsData.ConvertTo, "ControlImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ConvertToControlImageCommand : FileCmdlet
{
    /// <summary>A picture that is in memory already.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    public DiffusionImage? InputObject { get; set; }

    /// <summary>What to make of the picture: Canny, Invert, Tile or None.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(EnumCompleter<ControlPreprocessor>))]
    public string Preprocessor { get; set; } = string.Empty;

    /// <summary>Above this strength a pixel belongs to an edge that has a strong pixel elsewhere; for Canny.</summary>
    [Parameter]
    [ValidateRange(0, 2040)]
    public int LowThreshold { get; set; } = CannyEdges.DefaultLowThreshold;

    /// <summary>Above this strength a pixel is an edge by itself; for Canny.</summary>
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
            ProcessOne(file, () => WriteObject(Convert(ImageFile.Read(file))));
    }

    private DiffusionImage Convert(DiffusionImage image)
    {
        ControlPreprocessor preprocessor = EnumSetting.Parse(nameof(Preprocessor), Preprocessor, ControlPreprocessor.None);
        if (preprocessor != ControlPreprocessor.Canny)
            return ControlImage.Preprocess(image, preprocessor);
        return LowThreshold <= HighThreshold
            ? CannyEdges.Find(image, LowThreshold, HighThreshold)
            : throw new InvalidSettingException(nameof(LowThreshold), $"LowThreshold is {LowThreshold}, but must not lie above HighThreshold, {HighThreshold}.");
    }
}
