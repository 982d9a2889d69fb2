using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Writes images to files.</summary>
[Cmdlet(VerbsData.Export, "DiffusionImage", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ExportDiffusionImageCommand : ExportCmdlet
{
    /// <summary>The images: image objects, or files, whose settings are kept.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Image")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = "InputObject Image")]
    public ImageInput[] InputObject { get; set; } = [];

    /// <summary>The file type of names without an extension: png, jpg or webp.</summary>
    [Parameter]
    [ValidateSet("png", "jpg", "webp")]
    public string Format { get; set; } = FileEnding.Default;

    /// <summary>The quality of .jpg and .webp files, 1 to 100.</summary>
    [Parameter]
    [ValidateRange(1, 100)]
    [WholeNumber]
    public int Quality { get; set; } = ImageWriteOptions.DefaultQuality;

    /// <summary>Writes no metadata to the file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoMetadata { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageInput image in ImageInput.Resolve(this, InputObject, hasWildcards: false))
            ProcessOne(image.Given, () => Write(image.Read(nameof(InputObject), file => LoadImage(file, warns: !NoMetadata), static image => image), source: image.Given as string));
    }

    private void Write(DiffusionImage image, string? source)
    {
        ImageOutput output = new(new ImageWriteOptions { Overwrite = Force, Quality = Quality, Metadata = !NoMetadata }, CancellationToken);
        Export(image, FileNames.Image, image.Prompt, image.Seed ?? 0, Format, Check, (path, addsNumber) => output.Write(image, path, addsNumber), source);

        void Check(OutputTarget target)
        {
            output.Check(target);
            if (!NoMetadata && image.IsEdited)
                WarnOf(target.Path, StageList.EditWarning);
        }
    }
}
