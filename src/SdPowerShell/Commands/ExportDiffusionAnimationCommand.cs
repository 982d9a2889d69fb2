using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion.Metadata;
using StableDiffusion.Metadata.Animations;

namespace SdPowerShell.Commands;

/// <summary>Writes images as the frames of an animated GIF or PNG file.</summary>
[Cmdlet(VerbsData.Export, "DiffusionAnimation", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportDiffusionAnimationCommand : DiffusionCmdlet
{
    private AnimationFile? _file;
    private int _count;

    /// <summary>The file to write: .gif, .png or .apng.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("OutFile", "FilePath")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = string.Empty;

    /// <summary>The frames in their order: image objects, or files.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Image")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = "InputObject Image")]
    public ImageInput[] InputObject { get; set; } = [];

    /// <summary>How long each frame is shown, in milliseconds, 10 to 60,000.</summary>
    [Parameter]
    [WholeNumber]
    public int Delay { get; set; } = AnimationOptions.DefaultDelay;

    /// <summary>How many times the animation is played, 0 to 65,535; 0 means without an end.</summary>
    [Parameter]
    [WholeNumber]
    public int Loop { get; set; }

    /// <summary>Writes no metadata to the file.</summary>
    [Parameter]
    public SwitchParameter NoMetadata { get; set; }

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the file to the pipeline, as an object.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => Require(Path, () =>
    {
        AnimationFile file = new(ResolveOutput(Path), new AnimationOptions { Delay = Delay, Loop = Loop, Overwrite = Force, Metadata = !NoMetadata });
        if (ShouldProcess(file.Path, "Write animation"))
            _file = file;
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageInput image in _file is null ? [] : ImageInput.Resolve(this, InputObject, hasWildcards: false))
        {
            Subject = InputRecord.DescribeItem("Image", _count++, prompt: null);
            ProcessOne(image.Given, () => _file!.Add(image.Read(nameof(InputObject), file => ImageFile.ReadWithSettings(file, CancellationToken), static given => given), CancellationToken));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        Subject = null;
        if (_file is { Count: > 0 })
            ProcessOne(Path, Complete);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file?.Dispose();
        base.Dispose(disposing);
    }

    private void Complete()
    {
        string written = _file!.Complete();
        if (PassThru)
            WriteObject(new FileInfo(written));
    }
}
