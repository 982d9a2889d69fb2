using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Joins images of one size into a contact sheet.</summary>
[Cmdlet(VerbsCommon.Join, "DiffusionImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class JoinDiffusionImageCommand : ImageFileCmdlet
{
    private readonly List<DiffusionImage> _images = [];
    private long _pixels;
    private bool _isTooLarge;

    /// <summary>The number of images in a row; by default about the number of rows.</summary>
    [Parameter]
    [WholeNumber]
    public int? Columns { get; set; }

    /// <summary>The width of the white gap between two images, in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Gap { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!_isTooLarge)
            ForEachImage(Add);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_images.Count > 0)
            ProcessOne(_images, () => WriteObject(ImageGrid.Join(_images, Columns, Gap)));
    }

    private void Add(ImageInput image)
    {
        if (_isTooLarge)
            return;

        DiffusionImage read = image.Read(ParameterSetName, file => ImageFile.Load(file, CancellationToken, Judge), static image => image);
        Judge(read.Width, read.Height);
        _pixels += (long)read.Width * read.Height;
        _images.Add(read);
    }

    /// <summary>Judges the size of an image before it is read. One too many is one error, whatever follows: what makes the images may go on, since it may also write them.</summary>
    private void Judge(int width, int height)
    {
        try
        {
            ImageGrid.CheckPixels(_pixels + ((long)width * height));
        }
        catch (InvalidSettingException)
        {
            _isTooLarge = true;
            _images.Clear();
            throw;
        }
    }
}
