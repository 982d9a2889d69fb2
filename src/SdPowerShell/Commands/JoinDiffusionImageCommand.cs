using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Joins images of one size into a contact sheet.</summary>
[Cmdlet(VerbsCommon.Join, "DiffusionImage", DefaultParameterSetName = InputObjectSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class JoinDiffusionImageCommand : FileCmdlet
{
    private readonly List<DiffusionImage> _images = [];

    /// <summary>The images, in row order.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    [Alias("Image")]
    public DiffusionImage[] InputObject { get; set; } = [];

    /// <summary>The number of images in a row; by default about the number of rows.</summary>
    [Parameter]
    public int? Columns { get; set; }

    /// <summary>The width of the white gap between two images, in pixels.</summary>
    [Parameter]
    public int Gap { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputObjectSet)
        {
            _images.AddRange(InputObject);
            return;
        }

        foreach (string file in ResolvePaths())
            ProcessOne(file, () => _images.Add(ImageFile.Load(file, CancellationToken)));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_images.Count > 0)
            ProcessOne(_images, () => WriteObject(ImageGrid.Join(_images, Columns, Gap)));
    }
}
