using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Joins images of one size into a contact sheet.</summary>
[Cmdlet(VerbsCommon.Join, "DiffusionImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class JoinDiffusionImageCommand : ImageFileCmdlet
{
    private readonly List<DiffusionImage> _images = [];

    /// <summary>The number of images in a row; by default about the number of rows.</summary>
    [Parameter]
    public int? Columns { get; set; }

    /// <summary>The width of the white gap between two images, in pixels.</summary>
    [Parameter]
    public int Gap { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachImage(image => _images.Add(image.Read(ParameterSetName, file => ImageFile.Load(file, CancellationToken), static image => image)));

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_images.Count > 0)
            ProcessOne(_images, () => WriteObject(ImageGrid.Join(_images, Columns, Gap)));
    }
}
