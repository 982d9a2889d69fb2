using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Compares images with a reference: which settings differ, which pixels, and what that says.</summary>
[Cmdlet(VerbsData.Compare, "DiffusionImage")]
[OutputType(typeof(ImageComparison))]
public sealed class CompareDiffusionImageCommand : DiffusionCmdlet
{
    private DiffusionImage? _reference;

    /// <summary>The image to compare with: a path, a file, or an image in memory.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public object? ReferenceImage { get; set; }

    /// <summary>The images that are compared with it: paths, in which wildcards are allowed, files, or images in memory.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [SupportsWildcards]
    public object[] DifferenceImage { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        try
        {
            _reference = Read(nameof(ReferenceImage), ReferenceImage);
        }
        catch (RecordException error)
        {
            ThrowTerminatingError(error.Record);
        }
        catch (DiffusionException error)
        {
            // Nothing can be compared with it, so no later record can succeed.
            ThrowTerminatingError(DiffusionError.ToErrorRecord(error, ReferenceImage, MyInvocation.MyCommand));
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (object image in DifferenceImage.SelectMany(Expand))
            ProcessOne(image, () => WriteObject(new ImageComparison(_reference!, Read(nameof(DifferenceImage), image)!)));
    }

    /// <summary>The files that a path with wildcards stands for. A file of just that name comes first, since names with brackets are common.</summary>
    private IEnumerable<object> Expand(object image) =>
        Cell.Unwrap(image) is string path && WildcardPattern.ContainsWildcardCharacters(path) && PathHelper.FindExisting(this, path) is null
            ? PathHelper.ResolveInput(this, [path], literal: false)
            : [image];

    private DiffusionImage? Read(string parameter, object? image) =>
        ImageSetting.Read(parameter, image, path => ImageFile.ReadWithSettings(ResolveFile(path), CancellationToken), static made => made);
}
