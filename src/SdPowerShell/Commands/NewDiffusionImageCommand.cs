using System.Management.Automation;
using SdPowerShell.Batches;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Estimates;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace SdPowerShell.Commands;

/// <summary>Makes images from prompts: runs all stages with one open model.</summary>
[Cmdlet(VerbsCommon.New, "DiffusionImage", SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionImage))]
public class NewDiffusionImageCommand : DetailCmdlet
{
    /// <summary>The most characters of a prompt in what is asked for with -Confirm, or said with -WhatIf.</summary>
    internal const int LongestShown = 300;

    private const int LargestBatch = 64;
    private const int FarthestAhead = 1000;
    private const int DefaultClaimTimeout = 300;
    private const int LongestClaimTimeout = 7 * 24 * 60 * 60;

    // The parameters that do not change what recorded stages make.
    private static readonly HashSet<string> s_ofRepetition = new(StringComparer.OrdinalIgnoreCase)
    {
        nameof(Model), nameof(Device), nameof(InitImage), nameof(MaskImage), nameof(ControlImage), nameof(OutFile), nameof(OutDirectory), nameof(Format), nameof(Quality), nameof(NoMetadata), nameof(Force), nameof(Strict), nameof(NamesOnly), nameof(LowMemory), nameof(StageMajor), nameof(BatchOnDevice), nameof(LookAhead), nameof(FileName), nameof(Resume), nameof(Journal), nameof(Claim), nameof(ClaimTimeout), nameof(Shard), nameof(Checkpoint), nameof(Preview), nameof(PreviewFile), nameof(PreviewEvery),
    };

    private readonly OrderedOutput _output = new();
    private BatchProgress? _progress;
    private StagedImages? _staged;
    private RunClaims? _claims;
    private ImageFiles? _files;
    private RunJournal? _journal;

    /// <summary>Initializes the cmdlet.</summary>
    public NewDiffusionImageCommand()
    {
        Prompts = new(this, record => record is { IsText: true });
        Networks = new(this);
    }

    /// <summary>A description of the image.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    [Text(Column = nameof(Prompt), FileAdvice = "To start from an image, give the prompt as an argument. To make an image again, read its settings with Get-DiffusionMetadata. To take the lines of a text file as prompts, read them with Get-Content; for the rows of a table, use Import-DiffusionTable.")]
    public string?[]? Prompt { get; set; }

    /// <summary>A description of what the image should not show.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("negative_prompt")]
    public string? NegativePrompt { get; set; }

    /// <summary>The syntax of the prompt: Plain, A1111 or ComfyUI.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Prompts.PromptSyntax>))]
    public string? PromptSyntax { get; set; }

    /// <summary>How the weights in a prompt with A1111's syntax are applied: Original, NoNorm, Ignore or None.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<EmphasisMode>))]
    public string? Emphasis { get; set; }

    /// <summary>The layer of the text encoder to use, counted from the last layer, which is 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("clip_skip")]
    [Number<int>]
    public Number<int>? ClipSkip { get; set; }

    /// <summary>The textual inversion embeddings that the prompts can use by name, each a name or a path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(TextualInversionCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? TextualInversion { get; set; }

    /// <summary>The number of images for each prompt; each uses the next seed, or variation seed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("n_iter")]
    [Number<int>]
    public Number<int>? Count { get; set; }

    /// <summary>Draws the noise of all images of a prompt from one generator, instead of using a seed for each.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter SharedGenerator { get; set; }

    /// <summary>The model that goes on with the last part of the denoising: a name in the store, or the path of a folder or file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string? Refiner { get; set; }

    /// <summary>The part of the denoising after which the refiner goes on, above 0 and up to 1; the default is 0.8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("refiner_switch_at")]
    [Number<double>]
    public Number<double>? RefinerSwitchAt { get; set; }

    /// <summary>Takes RefinerSwitchAt as a part of the steps, as an option of A1111 does, in place of the timesteps of the training.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter RefinerSwitchBySteps { get; set; }

    /// <summary>How the refiner goes on: Diffusers or A1111.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<RefinerMode>))]
    public string? RefinerMode { get; set; }

    /// <summary>The image to start from: a path, a file or an image object.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Image]
    public ImageInput? InitImage { get; set; }

    /// <summary>How the image to start from is resized: Crop, Stretch, Pad, Fill or None.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<ResizeMode>))]
    public string? ResizeMode { get; set; }

    /// <summary>The color behind the pixels of the image to start from that are not opaque; the default is White.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("img2img_background_color")]
    public string? Background { get; set; }

    /// <summary>What the masked areas are filled with before noise is added: Original, Fill, Noise or Nothing.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<MaskFill>))]
    public string? MaskFill { get; set; }

    /// <summary>Makes only the region around the mask, at Width and Height, and pastes it back.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("inpaint_full_res")]
    [Switch]
    public SwitchParameter MaskedOnly { get; set; }

    /// <summary>How many pixels around the mask are in that region, 0 or more.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("inpaint_full_res_padding")]
    [Number<int>]
    public Number<int>? MaskPadding { get; set; }

    /// <summary>Leaves the kept areas as the autoencoder decodes them, in place of pasting the image's own pixels back.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoPasteBack { get; set; }

    /// <summary>Of soft inpainting: how far the mask decides where the image is pasted back, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftMaskInfluence { get; set; }

    /// <summary>Of soft inpainting: the difference at which half of the image is pasted back, 0 to 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftDifferenceThreshold { get; set; }

    /// <summary>Of soft inpainting: how sharp the limit is between what is pasted back and what is not, 0 to 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? SoftDifferenceContrast { get; set; }

    /// <summary>The file to write: .png, .jpg or .webp. With more than one image, a number is appended to the name.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? OutFile { get; set; }

    /// <summary>The folder to write to; without OutFile the files are named after prompt and seed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? OutDirectory { get; set; }

    /// <summary>A template for the names of files, for rows without OutFile.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FileName { get; set; }

    /// <summary>Goes on with a batch: passes on the images of files that were made with the very settings, and makes the others.</summary>
    [Parameter]
    public SwitchParameter Resume { get; set; }

    /// <summary>Claims each image before it is made, so that several processes can make the rows of one table; turns Resume on.</summary>
    [Parameter]
    public SwitchParameter Claim { get; set; }

    /// <summary>After how many seconds a claim is taken over whose process does not touch it; the default is 300.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? ClaimTimeout { get; set; } = new(DefaultClaimTimeout);

    /// <summary>The part of the rows to make, such as 3/16 for the third of sixteen, or Auto for that of the task of an array job.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ShardCompleter))]
    public string? Shard { get; set; }

    /// <summary>Keeps the half-done latent of an image when a signal asks the process to end, and from time to time.</summary>
    [Parameter]
    public SwitchParameter Checkpoint { get; set; }

    /// <summary>A file to which a line is added for each image when the work on it ends.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Journal { get; set; }

    /// <summary>The file type of names without an extension: png, jpg or webp.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FileEndingCompleter))]
    public string Format { get; set; } = FileEnding.Default;

    /// <summary>The quality of .jpg and .webp files, 1 to 100.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Quality { get; set; } = new(ImageWriteOptions.DefaultQuality);

    /// <summary>Writes no metadata to the file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoMetadata { get; set; }

    /// <summary>Replaces an existing file of the name OutFile.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Makes the images of many records stage by stage: all embeddings, all latents, then all images.</summary>
    [Parameter]
    public SwitchParameter StageMajor { get; set; }

    /// <summary>The most images that go through the U-Net at once, 1 to 64.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? BatchOnDevice { get; set; } = new(1);

    /// <summary>The most images that are read ahead, so that those of one model, LoRAs, VAE and size are made one after another, 1 to 1000. The output keeps its order.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? LookAhead { get; set; } = new(1);

    /// <summary>The most images that go through the U-Net at once.</summary>
    internal int MostAtOnce { get; private set; } = 1;

    /// <summary>The most images that are read ahead.</summary>
    internal int MostAhead { get; private set; } = 1;

    /// <summary>Reads the prompts, and warns of what of them is not used.</summary>
    internal PromptReader Prompts { get; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt)) || Given is FileSystemInfo or DiffusionImage;

    /// <inheritdoc/>
    private protected override string? MissingColumn => ReferenceEquals(Prompt, TextAttribute.None) ? nameof(Prompt) : null;

    /// <inheritdoc/>
    private protected override string? AdviceFor(InputRecord input) => input.IsText && input.Value!.BaseObject is string text && PathHelper.FindExisting(this, text) is not null
        ? $"a text from the pipeline is a prompt, and Prompt is given as an argument. To start from the file '{InputRecord.Shorten(text)}', give it with -InitImage, or pipe the output of Get-Item."
        : null;

    /// <summary>The files of the rows so far, in a trial; null otherwise.</summary>
    internal PlannedFiles? Planned { get; private protected set; }

    /// <summary>The networks beside the model.</summary>
    internal ImageNetworks Networks { get; }

    /// <summary>The progress of the batch.</summary>
    internal BatchProgress Progress => _progress!;

    /// <summary>The images that wait.</summary>
    internal StagedImages Staged => _staged!;

    /// <summary>The part of this run in the work of several.</summary>
    internal RunClaims Claims => _claims!;

    /// <summary>The files of the images.</summary>
    internal ImageFiles OutFiles => _files!;

    /// <summary>Whether files of earlier runs are looked at.</summary>
    internal bool IsResumed => Resume || Claim;

    /// <summary>The object from the pipeline; null if there is none.</summary>
    internal object? Given => Cell.Unwrap(Input?.Value);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Require(Journal, () =>
        {
            MostAtOnce = Number.Read(BatchOnDevice, 1, LargestBatch) ?? 1;
            MostAhead = Number.Read(LookAhead, 1, FarthestAhead) ?? 1;
            _files = new ImageFiles(this, FileName is null ? null : new NameTemplate(FileName));
            bool isTrial = MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? whatIf) && LanguagePrimitives.IsTrue(whatIf);
            _claims = CreateClaims(isTrial);
            Planned = isTrial ? new PlannedFiles() : null;
            _journal = Journal is null || isTrial ? null : RunJournal.Open(this, Journal);
        });

        _progress = new BatchProgress(WriteProgress, MyInvocation.ExpectingInput ? null : (long)(Prompt?.Length ?? 1) * (Number.Read(Count) ?? 1));
        _staged = new StagedImages(this, _progress, _output);
    }

    /// <inheritdoc/>
    private protected override void ProcessInput()
    {
        bool isDone = false;
        try
        {
            RepeatedImage? repeated = RepeatedImage.Find(this);
            if (repeated is null || repeated.IsRequest)
            {
                Prompts.ForEach(Prompt, OutFile, prompt => Make(prompt, repeated?.Request));
            }
            else
            {
                Staged.Make();
                ProcessOne(Given, repeated.Make);
            }

            Staged.MakeReady();
            isDone = !CancellationToken.IsCancellationRequested;
        }
        finally
        {
            if (!isDone)
                _progress?.Complete();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _claims?.Dispose();
            Networks.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        Staged.Make();
        Claims.End();
        Prompts.ReportPassedOver();
        _progress?.Complete();

        // Whoever sent a signal expects that the process ends.
        ProcessOne(target: null, () => Claims.Interruption?.Check());
    }

    private RunClaims CreateClaims(bool isTrial)
    {
        if (Checkpoint && !IsResumed)
            throw new InvalidSettingException(nameof(Checkpoint), "Checkpoint keeps what the next run goes on with, which needs names that stay the same. Give Resume or Claim too, or omit Checkpoint.");
        int timeout = Number.Read(ClaimTimeout, 1, LongestClaimTimeout) ?? DefaultClaimTimeout;
        if (!Claim && MyInvocation.BoundParameters.ContainsKey(nameof(ClaimTimeout)))
            throw new InvalidSettingException(nameof(ClaimTimeout), "ClaimTimeout has no effect without Claim. Give that too, or omit ClaimTimeout.");
        return new RunClaims(this)
        {
            Shard = Shard is null ? null : StableDiffusion.Batches.Claims.Shard.Read(Shard, Environment.GetEnvironmentVariable),
            Keeper = Claim && !isTrial ? new ClaimKeeper(TimeSpan.FromSeconds(timeout)) : null,
            Interruption = (Claim || Checkpoint) && !isTrial ? Interruption.Listen() : null,
            KeepsCheckpoints = Checkpoint,
            FindsCheckpoints = IsResumed && !isTrial,
        };
    }

    /// <remarks>The images that wait for their batch come before the error of a later record, which may end the pipeline.</remarks>
    private void Make(string? prompt, OneImage? recorded)
    {
        try
        {
            if (PromptRequest.Prepare(this, prompt, IsGiven(nameof(Prompt)) ? null : recorded) is PromptRequest request)
                new PromptImages(this, request).Make();
        }
        catch (Exception error) when (error is DiffusionException and not WorkInterruptedException or RecordException && (MostAhead > 1 ? EndsPipeline(error) : !StageMajor))
        {
            Staged.Make();
            throw;
        }
    }

    /// <summary>An image that can be made later, when the settings of another record are bound; null if images are not claimed.</summary>
    /// <param name="target">Its file.</param>
    /// <param name="bytes">The number of bytes of the images that it is made from.</param>
    /// <param name="check">Looks whether the file is finished, as <see cref="ImageFiles.Look"/> does.</param>
    /// <param name="make">Makes it.</param>
    internal ClaimedImage? Later(OutputTarget? target, long bytes, Func<bool?> check, Action<Claim> make) => Claims.Keeper is null ? null : new ClaimedImage
    {
        Input = Input,
        Subject = Subject,
        Model = ChooseModel(madeBy: null),
        Device = Device,
        File = target!.Path,
        Bytes = bytes,
        Check = check,
        Make = make,
    };

    /// <summary>Makes an image that waits for no other one.</summary>
    /// <param name="image">The image.</param>
    internal void MakeNow(StagedImage image) => Claims.Run(image.Again, image.Claim, () =>
    {
        ImageStages stages = new(this, image.Request.Options, Progress, Claims.CheckpointOf(image.Target?.Path)) { Claim = image.Claim };
        Progress.Start();
        long begun = Stopwatch.GetTimestamp();
        DiffusionImage made = image.Request.Options.Refiner is null
            ? UsePipeline(pipeline => image.Request.Job.Make(pipeline, image.Index, stages, CancellationToken), image.Request.Adapters)
            : MakeRefined(image, stages);
        Progress.Finish();
        Finish(made, image.Target, image.Request.Output, Stopwatch.GetElapsedTime(begun), image.Claim);
    });

    /// <summary>In a trial, passes on an image that an earlier row would have made.</summary>
    /// <param name="target">Its file.</param>
    internal virtual void PassOnPlanned(OutputTarget target) => WriteVerbose($"'{target.Path}' would be unchanged: an earlier row makes the same image.");

    /// <summary>Asks whether to make an image.</summary>
    /// <param name="target">Its file; null if none is written.</param>
    /// <param name="description">What it is, for an image without a file.</param>
    /// <param name="estimate">Finds out what it takes to make it.</param>
    /// <param name="adapters">The LoRAs; null for none.</param>
    /// <param name="madeBy">The model that made it before; null if there is none.</param>
    internal virtual bool IsWanted(OutputTarget? target, string description, Func<DiffusionPipeline, ImageWork> estimate, AdapterSet? adapters, string? madeBy) =>
        ShouldProcess(target?.Path ?? description, "Make image");

    /// <summary>Writes an image that an earlier run made.</summary>
    /// <param name="image">The image.</param>
    internal virtual void PassOn(DiffusionImage image)
    {
        WriteVerbose($"'{image.Path}' is unchanged.");
        _journal?.Add(image, JournalStatus.Unchanged, TimeSpan.Zero);
        PSObject output = new(image);
        output.Properties.Add(new PSNoteProperty("IsUnchanged", true));
        Deliver(() => WriteObject(output));
    }

    /// <inheritdoc/>
    private protected override void Deliver(Action write)
    {
        _output.Write(write);

        // Records in error are waiting too.
        if (_output.Current is null && _output.Count >= 2 * MostAhead)
            Staged.Make();
    }

    /// <inheritdoc/>
    private protected override void OnEnd() => _output.ReleaseAll();

    /// <inheritdoc/>
    /// <remarks>That the work was ended is no failure of a record.</remarks>
    private protected override void OnFailure(ErrorRecord record)
    {
        if (record.Exception is WorkInterruptedException)
            Claims.EndProcess();
        else
            _journal?.Add(record);
    }

    private DiffusionImage MakeRefined(StagedImage image, ImageStages stages)
    {
        Latent latent = UsePipeline(pipeline => image.Request.Job.Denoise(pipeline, image.Index, stages, CancellationToken), image.Request.Adapters);
        Networks.UseRefiner(image.Request.Options, refiner => latent = image.Request.Job.Refine(refiner, latent, image.Index, stages, CancellationToken));
        return UsePipeline(pipeline => image.Request.Job.Decode(pipeline, latent, stages, CancellationToken), image.Request.Adapters);
    }

    /// <summary>The image, or the record of one, that is to be made again; null if there is none. With a prompt, an image is one to start from.</summary>
    internal GeneratedObject? FindMade() => Given switch
    {
        ImageMetadata metadata => metadata,
        DiffusionImage image => IsFixed(nameof(Prompt)) ? null : image,
        _ => SelectedRecord.Find(Input?.Value),
    };

    /// <summary>A setting that was given and would change what recorded stages make; null if there is none.</summary>
    /// <param name="made">The image that they made.</param>
    internal string? FindChange(GeneratedObject made) =>
        MyInvocation.MyCommand.Parameters.Keys.FirstOrDefault(parameter => IsGiven(parameter) && !s_ofRepetition.Contains(parameter) && !CommonParameters.Contains(parameter) && !OptionalCommonParameters.Contains(parameter))
        ?? SelectedRecord.FindChange(Input!.Value!, made);

    /// <summary>Ends the work on an image: writes its file, its line in the journal, and its object.</summary>
    /// <param name="image">The image.</param>
    /// <param name="target">The file; null for none.</param>
    /// <param name="output">Writes the file.</param>
    /// <param name="time">How long it took.</param>
    /// <param name="claim">The claim of the file, which is given back; null for none.</param>
    internal void Finish(DiffusionImage image, OutputTarget? target, ImageOutput output, TimeSpan time, Claim? claim)
    {
        if (target is not null)
            Claims.Write(target.Path, claim, () => OutFiles.Write(image, target, output));
        claim?.Dispose();
        _journal?.Add(image, JournalStatus.Made, time);
        object made = NoMetadata ? Private(image) : image;
        Deliver(() => WriteObject(made));
    }

    /// <summary>The image with the NoMetadata property, which Export-DiffusionImage respects.</summary>
    private static PSObject Private(DiffusionImage image)
    {
        PSObject output = new(image);
        output.Properties.Add(new PSNoteProperty(nameof(NoMetadata), true));
        return output;
    }
}
