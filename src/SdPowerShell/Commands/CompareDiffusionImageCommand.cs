using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Compares images with a reference: which settings differ, which pixels, and what that says.</summary>
[Cmdlet(VerbsData.Compare, "DiffusionImage")]
[OutputType(typeof(ImageComparison))]
public sealed class CompareDiffusionImageCommand : DiffusionCmdlet
{
    private const string Columns = "ReferenceImage DifferenceImage";

    // The reference and what it was read from, which is often the same for all records.
    private object? _given;
    private DiffusionImage? _reference;

    /// <summary>The image to compare with: a path, a file, or an image in memory.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Image]
    public ImageInput? ReferenceImage { get; set; }

    /// <summary>The images that are compared with it: paths, in which wildcards are allowed, files, or images in memory.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Image(IsList = true, Columns = Columns)]
    public ImageInput[] DifferenceImage { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Given as an argument, it is the same for all records, and none can succeed without it.
        if (ReferenceImage is not null)
            Require(ReferenceImage.Given, () => ReadReference());
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageInput image in DifferenceImage.SelectMany(Expand))
            ProcessOne(image.Given, () => WriteObject(new ImageComparison(ReadReference(), Read(nameof(DifferenceImage), image))));
    }

    /// <summary>The files that a path with wildcards stands for. A file of just that name comes first, since names with brackets are common.</summary>
    private IEnumerable<ImageInput> Expand(ImageInput image) =>
        ImageInput.Resolve(this, [image], hasWildcards: image.Given is not string path || PathHelper.FindExisting(this, path) is null);

    private DiffusionImage ReadReference()
    {
        if (_reference is null || !Equals(_given, ReferenceImage!.Given))
            (_reference, _given) = (Read(nameof(ReferenceImage), ReferenceImage!), ReferenceImage!.Given);
        return _reference;
    }

    private DiffusionImage Read(string parameter, ImageInput image) =>
        image.Read(parameter, path => ImageFile.ReadWithSettings(ResolveFile(path), CancellationToken), static made => made);
}
