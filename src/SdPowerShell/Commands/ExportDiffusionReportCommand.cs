using System.Management.Automation;
using System.Text;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using SdPowerShell.Scripts;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Reports;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Text;
using IOPath = System.IO.Path;

namespace SdPowerShell.Commands;

/// <summary>Writes a page about how an image was made.</summary>
[Cmdlet(VerbsData.Export, "DiffusionReport", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(FileInfo))]
public sealed class ExportDiffusionReportCommand : ModelCmdlet
{
    private const string PathSet = ExportCmdlet.PathSet;
    private const string DirectorySet = ExportCmdlet.DirectorySet;
    private const string Ending = "html";

    private static readonly string[] s_endings = [".html", ".htm"];

    private int _count;

    /// <summary>The images: image objects, or files.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = DirectorySet)]
    [Alias("Image")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = "InputObject Image")]
    public ImageInput[] InputObject { get; set; } = [];

    /// <summary>The page to write, .html; of two arguments, the first is the image. By default, the page has the name of the image's file and lies beside it.</summary>
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Alias("OutFile", "FilePath")]
    [ValidateNotNullOrEmpty]
    [Image]
    public ImageInput? Path { get; set; }

    /// <summary>The folder to write to; the pages are named after prompt and seed, or after the file of the image.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DirectorySet)]
    [ValidateNotNullOrEmpty]
    public string? OutDirectory { get; set; }

    /// <summary>The images and masks that an image began with.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Image(IsList = true)]
    public ImageInput[] InitImage { get; set; } = [];

    /// <summary>Replaces an existing page.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the files of the pages to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        (ImageInput[] images, ImageInput? page) = (InputObject, Path);

        // The first argument binds to Path, since it is the page if the image comes from the pipeline. Of two arguments, it is the image, and so is a single one.
        if (page is not null && !IsPage(page.Path))
        {
            bool isOnly = images.Length == 0;
            if (isOnly || (images is [{ Given: string name }] && (IsPage(name) || !IOPath.HasExtension(name))))
                (images, page) = ([page], isOnly ? null : images[0]);
        }

        if (images.Length == 0)
            ProcessOne(page?.Given, () => throw new InvalidSettingException(nameof(InputObject), $"There is no image to write a report about. Give its file or object before the page, such as house.png{(page is null ? string.Empty : $" {page}")}, or pipe it."));
        foreach (ImageInput input in ImageInput.Resolve(this, images, hasWildcards: false))
        {
            Subject = null;
            ProcessOne(input.Given, () => Write(input.Read(nameof(InputObject), file => LoadImage(file), static image => image), input.Given as string, page?.ToString()));
        }
    }

    private void Write(DiffusionImage image, string? source, string? page)
    {
        Subject = source is null ? InputRecord.DescribeItem("Image", _count++, image.Prompt) : IOPath.GetFileName(source);
        OutputTarget target = ChooseTarget(image, source, page);
        if (!IsPage(target.Path))
            throw new InvalidSettingException(nameof(Path), $"'{target.Path}' is not the name of a page. Give one that ends in .html, or none of the endings of other files.");
        bool replaces = Force || target.IsGenerated;
        OutputFile.Check(target.Path, replaces);
        StageList stages = FlatRecord.StagesOf(image.Info);
        if (!ReferenceEquals(stages.BeforeEdit(), stages))
            throw new NotRepeatableException("A script changed the image after it was made, so that its stages do not make it. Give the image as it was before.");

        ReportRecorder recorder = new();
        StageReplay replay = new(ModelLibrary.Default, (model, adapters, run) => UseModel(ChooseModel(model, isNameOnly: !IsFixed(nameof(Model))), run, adapters), FindImages(source is not null))
        {
            Model = string.IsNullOrEmpty(Model) ? null : Model,
            Device = DeviceName,
            Observer = recorder,
            Keep = Keep,
        };
        foreach (string warning in replay.Check(stages, CancellationToken))
            Warn(warning);
        if (!ShouldProcess(target.Path, "Write report"))
            return;

        using DenoisingProgress progress = new(WriteProgress, image.Prompt);
        recorder.Progress = progress.Report;
        DiffusionImage again = Timed("Making the image again", () => replay.Run(stages, CancellationToken));
        string report = new DiffusionReport
        {
            Image = image,
            Again = again,
            Recorder = recorder,
            Decode = latent => UseModel(ChooseModel(string.IsNullOrEmpty(Model) ? latent.Model : Model, isNameOnly: !IsFixed(nameof(Model))), pipeline => pipeline.Decode(latent, CancellationToken)),
            Script = StageScript.Write(stages, image.Prompt is null ? "the image" : $"the image '{image.Prompt}'"),
        }.Write(CancellationToken);
        target.CreateFolder();
        string path = target.Write((name, addsNumber) =>
        {
            void Fill(Stream stream) => stream.Write(Encoding.UTF8.GetBytes(report));
            if (addsNumber)
                return OutputFile.WriteNumbered(name, Fill);
            OutputFile.Write(name, Force, Fill);
            return name;
        });
        if (PassThru)
            WriteObject(new FileInfo(path));
    }

    private OutputTarget ChooseTarget(DiffusionImage image, string? source, string? page)
    {
        if (page is null && OutDirectory is null)
        {
            return (source ?? image.Path) is string file
                ? new OutputTarget(IOPath.ChangeExtension(file, Ending))
                : throw new InvalidSettingException(nameof(Path), "The image was not written to a file whose name the page could have. Give the page, such as house.html, or a folder with OutDirectory.");
        }

        OutputNames names = new(page, OutDirectory is null ? null : ResolveOutput(OutDirectory), Ending, source) { Unnamed = FileNames.Image };
        return names.Next(image.Prompt ?? string.Empty, image.Seed, index: 0, count: 1, ResolveOutput)!;
    }

    private static bool IsPage(string? path) => s_endings.Contains(IOPath.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    // Reuse of features has no attention in most steps, and windows have none at all. A merged embedding has no words.
    private static DenoiseOptions Keep(TextEmbedding embedding, DenoiseOptions options) => options with
    {
        KeepsPredictions = true,
        Attention = options is { FeatureReuse: not > 1, DiffusionTiling: null } && !embedding.IsMerged ? new AttentionOptions() : null,
    };

    private ReplayImages FindImages(bool isForeign)
    {
        ReplayImages images = new() { OpensPaths = !isForeign };
        foreach ((DiffusionImage image, MaskImage mask) in ImageInput.ReadAll(this, nameof(InitImage), InitImage))
            images.Add(image, mask);
        return images;
    }
}
