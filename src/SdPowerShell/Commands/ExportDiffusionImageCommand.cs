using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Writes images to files.</summary>
[Cmdlet(VerbsData.Export, "DiffusionImage", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class ExportDiffusionImageCommand : DiffusionCmdlet
{
    private const string PathSet = "Path";
    private const string DirectorySet = "Directory";

    /// <summary>The file to write: .png, .jpg or .webp.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [Alias("OutFile", "FilePath")]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>The folder to write to; the files are named after prompt and seed.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DirectorySet)]
    [ValidateNotNullOrEmpty]
    public string? OutDirectory { get; set; }

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
    public int Quality { get; set; } = ImageWriteOptions.DefaultQuality;

    /// <summary>Writes no metadata to the file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoMetadata { get; set; }

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the images, with their paths, to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageInput image in ImageInput.Resolve(this, InputObject, hasWildcards: false))
            ProcessOne(image.Given, () => Write(image.Read(nameof(InputObject), Load, static image => image), source: image.Given as string));
    }

    private DiffusionImage Load(string file)
    {
        (DiffusionImage image, IReadOnlyList<string> warnings) = MetadataReader.ReadImage(file, CancellationToken);
        foreach (string warning in NoMetadata ? [] : warnings)
            WriteWarning($"{System.IO.Path.GetFileName(file)}: {warning}");
        return image;
    }

    private void Write(DiffusionImage image, string? source)
    {
        ImageWriteOptions options = new() { Overwrite = Force, Quality = Quality, Metadata = !NoMetadata };
        OutputNames names = new(Path, OutDirectory is null ? null : ResolveOutput(OutDirectory), Format, options, source);
        OutputTarget target = names.Next(image.Prompt ?? string.Empty, image.Seed ?? 0, index: 0, count: 1, ResolveOutput)!;
        target.Check();
        if (!ShouldProcess(target.Path, "Write image"))
            return;

        target.CreateFolder();
        target.Write(image);
        if (PassThru)
            WriteObject(image);
    }
}
