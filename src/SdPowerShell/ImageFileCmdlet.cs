using System.Management.Automation;
using SdPowerShell.Parameters;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take images, as the paths of their files or as objects.</summary>
public abstract class ImageFileCmdlet : DiffusionCmdlet
{
    internal const string PathSet = FileCmdlet.PathSet;
    internal const string LiteralPathSet = FileCmdlet.LiteralPathSet;
    internal const string InputObjectSet = "InputObject";

    /// <summary>The names of all three parameters and of their aliases.</summary>
    internal const string ImageColumns = "Path LiteralPath PSPath LP InputObject Image";

    private ImageInput[] _images = [];

    /// <summary>The images: paths, in which wildcards are allowed, files, or image objects.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Image(IsList = true, Columns = ImageColumns)]
    public ImageInput[] Path { get => _images; set => _images = value; }

    /// <summary>The image files, whose paths are taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true)]
    public ImageInput[] LiteralPath { get => _images; set => _images = value; }

    /// <summary>The images: image objects, files, or paths that are taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Image")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = ImageColumns)]
    public ImageInput[] InputObject { get => _images; set => _images = value; }

    /// <summary>Does the work for each image of a record; paths that lead to no file are written as errors.</summary>
    private protected void ForEachImage(Action<ImageInput> work)
    {
        foreach (ImageInput image in ImageInput.Resolve(this, _images, hasWildcards: ParameterSetName == PathSet))
            ProcessOne(image.Given, () => work(image));
    }
}
