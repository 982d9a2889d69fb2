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
using StableDiffusion.Images.Masks;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Estimates;
using StableDiffusion.Prompts;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace SdPowerShell.Commands;

/// <summary>Makes images from prompts: runs all stages with one open model.</summary>
[Cmdlet(VerbsCommon.New, "DiffusionImage", SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionImage))]
public class NewDiffusionImageCommand : DetailCmdlet
{
    // What is asked for with -Confirm, or said with -WhatIf.
    private const int LongestShown = 300;

    // The parameters that do not change what recorded stages make.
    private static readonly HashSet<string> s_ofRepetition = new(StringComparer.OrdinalIgnoreCase)
    {
        nameof(Model), nameof(Device), nameof(InitImage), nameof(MaskImage), nameof(ControlImage), nameof(OutFile), nameof(OutDirectory), nameof(Format), nameof(Quality), nameof(NoMetadata), nameof(Force), nameof(Strict), nameof(NamesOnly), nameof(LowMemory), nameof(StageMajor), nameof(BatchOnDevice), nameof(LookAhead), nameof(FileName), nameof(Resume), nameof(Journal), nameof(Claim), nameof(ClaimTimeout), nameof(Shard), nameof(Checkpoint), nameof(Preview), nameof(PreviewFile), nameof(PreviewEvery),
    };

    private readonly UpscalerInUse _upscaler = new();
    private readonly DetectorInUse _detector = new();
    private readonly OrderedOutput _output = new();
    private BatchProgress? _progress;
    private StagedImages? _staged;
    private RunClaims? _claims;
    private NameTemplate? _template;
    private RunJournal? _journal;

    /// <summary>Initializes the cmdlet.</summary>
    public NewDiffusionImageCommand() => Prompts = new(this, record => record is { IsText: true });

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
    [ValidateRange(1, 604_800)]
    [WholeNumber]
    public int ClaimTimeout { get; set; } = 300;

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
    [ValidateRange(1, 64)]
    [WholeNumber]
    public int BatchOnDevice { get; set; } = 1;

    /// <summary>The most images that are read ahead, so that those of one model, LoRAs, VAE and size are made one after another, 1 to 1000. The output keeps its order.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    [WholeNumber]
    public int LookAhead { get; set; } = 1;

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
    private protected PlannedFiles? Planned { get; set; }

    private BatchProgress Progress => _progress!;

    private StagedImages Staged => _staged!;

    /// <summary>The part of this run in the work of several.</summary>
    internal RunClaims Claims => _claims!;

    /// <summary>Whether files of earlier runs are looked at.</summary>
    private bool IsResumed => Resume || Claim;

    /// <summary>The object from the pipeline; null if there is none.</summary>
    private object? Given => Cell.Unwrap(Input?.Value);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Require(Journal, () =>
        {
            _template = FileName is null ? null : new NameTemplate(FileName);
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
            GeneratedObject? made = FindMade();
            StageList? all = made?.Recorded.Stages is { Count: > 0 } list ? list : null, stages = all?.BeforeEdit();

            // Get-DiffusionMetadata has said so of a file.
            if (!ReferenceEquals(all, stages) && (made as ImageMetadata)?.Warnings.Contains(StageList.EditWarning) != true)
                Warn(StageList.EditWarning);
            OneImage? recorded = stages is not null && OneImage.Match(stages) is { HasText: true } request ? request : null;
            if (stages is null || (recorded is not null ? !MissingImages(recorded).Any() && !IsEarlierStart(recorded) : IsChangedRequest(made!)))
            {
                Prompts.ForEach(Prompt, OutFile, prompt => Plan(prompt, recorded));
            }
            else
            {
                Staged.Make();
                ProcessOne(Given, () => MakeAgain(made!, stages, recorded));
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
            _upscaler.Dispose();
            _detector.Dispose();
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
        if (!Claim && MyInvocation.BoundParameters.ContainsKey(nameof(ClaimTimeout)))
            throw new InvalidSettingException(nameof(ClaimTimeout), "ClaimTimeout has no effect without Claim. Give that too, or omit ClaimTimeout.");
        return new RunClaims(this)
        {
            Shard = Shard is null ? null : StableDiffusion.Batches.Claims.Shard.Read(Shard, Environment.GetEnvironmentVariable),
            Keeper = Claim && !isTrial ? new ClaimKeeper(TimeSpan.FromSeconds(ClaimTimeout)) : null,
            Interruption = (Claim || Checkpoint) && !isTrial ? Interruption.Listen() : null,
            KeepsCheckpoints = Checkpoint,
            FindsCheckpoints = IsResumed && !isTrial,
        };
    }

    /// <remarks>The images that wait for their batch come before the error of a later record, which may end the pipeline.</remarks>
    private void Plan(string? prompt, OneImage? recorded)
    {
        try
        {
            Make(prompt, recorded);
        }
        catch (Exception error) when (error is DiffusionException and not WorkInterruptedException or RecordException && (LookAhead > 1 ? EndsPipeline(error) : !StageMajor))
        {
            Staged.Make();
            throw;
        }
    }

    private void Make(string? prompt, OneImage? recorded)
    {
        if (string.IsNullOrWhiteSpace(prompt))
            throw new InvalidSettingException(nameof(Prompt), "The prompt is empty. Say what the image should show. For an image without a prompt, pipe Get-TextEmbedding '' to Invoke-Denoise.");

        // What can be known is checked before an image is read: the settings, the seeds, and the file to write.
        CheckMerged();
        if (Input?.Value?.BaseObject is Latent { Stages: StageList made } && IsCarriedAlong(nameof(Prompt)) && made.HasMergedLatent)
            throw new NotRepeatableException("The latent is merged from others, and its settings do not make it again. ConvertFrom-Latent decodes it.");
        Claims.Interruption?.Check();
        DenoiseOptions options = CreateSettings() with { Prompt = prompt, NegativePrompt = NegativePrompt };
        ImageInput? source = FindStart(out bool isPiped);
        RowIdentity identity = new(this, source);
        if (!Claims.Has(() => identity.HashOfNames(options with { Seed = Drawn(options.Seed), VariationSeed = Drawn(options.VariationSeed) })))
            return;
        options = CheckDetailer(options);
        string? idle = options.RefinerSwitchAt is not null ? nameof(RefinerSwitchAt) : options.RefinerSwitchBySteps is not null ? nameof(RefinerSwitchBySteps) : options.RefinerMode is not null ? nameof(RefinerMode) : null;
        if (options.Refiner is null && idle is not null)
            RefuseIdle(idle, $"{idle} has no effect without Refiner. Give that too, or omit {idle}.");
        BackgroundColor.Parse(options.Background);
        if (source is null && options.Background is not null)
            RefuseIdle(nameof(Background), "Background has no effect without an image to start from. Give one with -InitImage, or omit Background.");
        if (IsResumed && NoMetadata)
            throw new InvalidSettingException(nameof(NoMetadata), $"A file without metadata does not say how it was made, so that the work cannot be resumed. Omit NoMetadata, or omit {(Claim ? nameof(Claim) : nameof(Resume))}.");
        options = options with
        {
            Seed = IsResumed && RandomSeed.IsDrawn(options.Seed) ? identity.Hash(options with { Seed = null, VariationSeed = null }).Seed : options.Seed,
            VariationSeed = IsResumed && options.VariationStrength > 0 && RandomSeed.IsDrawn(options.VariationSeed) ? identity.Hash(options with { VariationSeed = null }).Seed : options.VariationSeed,
        };
        DenoiseOptions asked = options;
        IReadOnlyList<TextualInversion> words = AdapterSetting.ReadTextualInversions(this, TextualInversion);
        TextToImage job = Plan(source is null ? options : options with { Hires = null }, start: null, words);
        options = options with { Seed = job.OptionsOf(0).Seed, VariationSeed = job.OptionsOf(0).VariationSeed };
        OutputNames names = CreateNames(
            isPiped ? source!.Path : (Given as ExpandedImage)?.File,
            index => identity.Name(_template!, OfImage(options, index), OfImage(asked, index), index, job.Count),
            hasOneSeed: job.Count > 1 && job.OptionsOf(0).Seed == job.OptionsOf(1).Seed);
        ImageOutput output = CreateOutput();
        if (!IsResumed && _template is null && names.Next(prompt, options.Seed, index: 0, job.Count, ResolveOutput) is OutputTarget first)
            output.Check(first);
        AdapterSet adapters = AdapterSetting.ReadLoras(this, Lora, prompt, job.PromptOptions.Syntax);
        if (options.Hires?.HiresPrompt is string second && !AdapterSetting.ReadLoras(this, Lora, second, job.PromptOptions.Syntax).Equals(adapters))
            throw new InvalidSettingException(nameof(HiresPrompt), "HiresPrompt names other LoRAs than the prompt, and both passes use the same ones. Name the same LoRAs in both, or use the parameter Lora.");
        if (options.Hires is HiresSettings hires && HiresPass.NetworkOf(hires) is string network)
        {
            string found = FindUpscaler(network);
            if (!IsResumed)
                _upscaler.Open(found, DeviceName, ReportLoading, CancellationToken);
        }

        Staged.MakeFiles(new[] { source, MaskImage }.Concat(ControlImage ?? []).Select(static image => image?.Path).OfType<string>().Select(ResolveOutput));
        options = ReadImages(options);
        MaskImage? mask = options.Mask;
        StartImage? start = FitStart(source, isPiped, IsGiven(nameof(Prompt)) ? null : recorded, ref options);
        job = Plan(options, start, words);
        (int width, int height) = Inspect(pipeline => pipeline.Check(options, start));
        if (options.Refiner is not null)
        {
            // It takes models in turn, so that others do not wait for it.
            UseRefiner(options, refiner => Inspect(pipeline => refiner.CheckRefines(pipeline)));
        }

        // With tiles, a given image has no stages that others wait for.
        bool isStaged = options.Refiner is null && !(start is not null && options.Hires is not null) && (StageMajor || BatchOnDevice > 1 || LookAhead > 1);
        if (!isStaged)
            Staged.Make();
        Lazy<ResumeCheck> check = new(() => new ResumeCheck
        {
            Job = job,
            Adapters = adapters,
            Advice = NameAdvice,
            Start = start?.Given,
            Mask = mask,
            ControlImages = [.. options.Controls.Select(static control => control.Image)],
            RefinerHash = options.Refiner is null ? null : Identify(options),
            UpscalerHash = options.Hires is HiresSettings second && HiresPass.NetworkOf(second) is string enlarger ? ModelLibrary.Default.IdentifyUpscaler(FindUpscaler(enlarger), CancellationToken) : null,
        });
        for (int index = 0; index < job.Count; index++)
        {
            long seed = job.OptionsOf(index).Seed!.Value;
            OutputTarget? target = names.Next(prompt, seed, index, job.Count, ResolveOutput);
            int current = index;
            DiffusionImage? unchanged = null;
            bool? Find() => Look(target, output, path => Inspect(pipeline => check.Value.Find(path, current, pipeline, CancellationToken)), out unchanged);
            if (Find() == false)
                continue;
            if (Planned is not null && target is not null && !CheckPlanned(target, () => identity.Hash(Complete(OfImage(asked, current))), unchanged))
                continue;
            if (unchanged is null)
            {
                if (!IsWanted(target, $"'{InputRecord.Shorten(prompt, LongestShown)}' (seed {seed}, {width}x{height})", pipeline => job.Estimate(pipeline, current), adapters, madeBy: null))
                    continue;

                target?.CreateFolder();
                ClaimedImage? again = Later(target, Bytes(), Find, claim => MakeNow(Stage(current, unchanged: null, claim)));
                Claim? claim = null;
                if (again is not null && !Claims.TryTake(again, out claim))
                    continue;
                if (unchanged is null)
                {
                    StagedImage image = Stage(index, unchanged: null, claim, again);
                    if (!isStaged)
                    {
                        MakeNow(image);
                        continue;
                    }

                    Staged.Add(image);
                    if (LookAhead > 1)
                        Staged.MakeReady();
                    if (Staged.HasFailed(job))
                        break;
                    continue;
                }
            }

            if (!Staged.IsEmpty && LookAhead == 1)
                Staged.Add(Stage(index, unchanged));
            else
                PassOn(unchanged);
        }

        long Bytes() => (start?.Image.Pixels.LongLength ?? 0) + options.Controls.Sum(static control => control.Image.Pixels.LongLength);

        GenerationSettings OfImage(GenerationSettings settings, int index)
        {
            DenoiseOptions own = job.OptionsOf(index);
            return settings with { Seed = own.Seed, VariationSeed = own.VariationSeed, BatchSize = own.BatchSize, BatchIndex = own.BatchIndex };
        }

        StagedImage Stage(int index, DiffusionImage? unchanged, Claim? claim = null, ClaimedImage? again = null) => new()
        {
            Input = Input,
            Subject = Subject,
            Model = ChooseModel(madeBy: null),
            Device = Device,
            NoMetadata = NoMetadata,
            Adapters = adapters,
            Job = job,
            Index = index,
            Options = options,
            Target = names.Next(prompt, job.OptionsOf(index).Seed, index, job.Count, ResolveOutput),
            Output = output,
            Bytes = Bytes(),
            PixelBytes = (long)width * height * DiffusionImage.Channels,
            Unchanged = unchanged,
            Claim = claim,
            Again = again,
        };

        DenoiseOptions Complete(GenerationSettings settings) => Inspect(pipeline => pipeline.Complete(settings as DenoiseOptions ?? SettingTable.Create<DenoiseOptions>(row => row.Get(settings))));

        static long? Drawn(long? seed) => RandomSeed.IsDrawn(seed) ? null : seed;
    }

    /// <summary>An image that can be made later, when the settings of another record are bound; null if images are not claimed.</summary>
    private ClaimedImage? Later(OutputTarget? target, long bytes, Func<bool?> check, Action<Claim> make) => Claims.Keeper is null ? null : new ClaimedImage
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
    private void MakeNow(StagedImage image) => Claims.Run(image.Again, image.Claim, () =>
    {
        ImageStages stages = new(this, image.Options, Progress, Claims.CheckpointOf(image.Target?.Path)) { Claim = image.Claim };
        Progress.Start();
        long begun = Stopwatch.GetTimestamp();
        DiffusionImage made = image.Options.Refiner is null
            ? UsePipeline(pipeline => image.Job.Make(pipeline, image.Index, stages, CancellationToken), image.Adapters)
            : MakeRefined(image, stages);
        Progress.Finish();
        Finish(made, image.Target, image.Output, Stopwatch.GetElapsedTime(begun), image.Claim);
    });

    /// <summary>Finds out what there is to do for an output. An error is written, and the next output follows.</summary>
    /// <param name="target">The file; null if nothing is written.</param>
    /// <param name="output">Writes the file.</param>
    /// <param name="find">Finds the image of a file that exists, if it is the one that would be made.</param>
    /// <param name="unchanged">The image that an earlier run made; null if it is to be made.</param>
    /// <returns>True if an earlier run made the image, false if an error was written, null if it is to be made.</returns>
    private bool? Look(OutputTarget? target, ImageOutput output, Func<string, DiffusionImage> find, out DiffusionImage? unchanged)
    {
        unchanged = null;
        if (target is null && !IsResumed)
            return null;
        if (!IsResumed)
        {
            // The record that names a file first makes it.
            if (LookAhead > 1)
                Staged.MakeFiles([target!.Path]);
            output.Check(target!);
            return null;
        }

        if (target is null)
            throw Claim
                ? new InvalidSettingException(nameof(Claim), "Claim shares the work by files beside the images, and nothing says where these are. Give OutDirectory, OutFile or FileName, or omit Claim.")
                : new InvalidSettingException(nameof(Resume), "Resume goes on with the files of an earlier run, and nothing says where they are. Give OutDirectory, OutFile or FileName, or omit Resume.");

        // Two rows can have one name, so that the first of them is in the way of the other.
        Staged.MakeFiles([target.Path]);
        if (!Path.Exists(target.Path))
        {
            output.Check(target);
            return null;
        }

        DiffusionImage? found = null;
        bool isFree = ProcessOne(Given, () =>
        {
            try
            {
                found = find(target.Path);
            }
            catch (DiffusionException error) when (Force && error is OutputDiffersException or ImageInvalidException)
            {
                WriteVerbose($"'{target.Path}' is replaced. {Sentence.Of(error)}");
                output.Check(target);
            }
            catch (DiffusionException) when (!StageMajor && LookAhead == 1 && !Staged.IsEmpty)
            {
                Staged.Make();
                throw;
            }
        });
        unchanged = found;
        if (found is not null)
            Claims.Sweep(target.Path);
        return !isFree ? false : found is null ? null : true;
    }

    /// <summary>In a trial, finds out whether an earlier row would have made a file, as the run itself would.</summary>
    /// <param name="target">The file.</param>
    /// <param name="hash">The hash of the settings of the image, with the defaults of its model.</param>
    /// <param name="unchanged">The image that an earlier run made; null if it is to be made.</param>
    /// <returns>False if there is nothing to make.</returns>
    private bool CheckPlanned(OutputTarget target, Func<RequestHash> hash, DiffusionImage? unchanged)
    {
        if (target.IsGenerated || unchanged is not null)
            return true;
        string? settings = IsResumed ? hash().Digits : null;
        if (Planned!.TryAdd(target.Path, settings, out string? earlier) || (Force && !IsResumed))
            return true;
        if (!IsResumed)
            throw new OutputExistsException(target.Path);
        if (earlier == settings)
        {
            PassOnPlanned(target);
            return false;
        }

        if (Force)
            return true;
        ProcessOne(Given, () => throw new OutputDiffersException($"'{target.Path}' is also the file of an earlier row, whose image has other settings. {NameAdvice}."));
        return false;
    }

    private string NameAdvice => _template is null && string.IsNullOrEmpty(OutFile) ? ResumeCheck.TemplateAdvice : ResumeCheck.NameAdvice;

    /// <summary>In a trial, passes on an image that an earlier row would have made.</summary>
    /// <param name="target">Its file.</param>
    private protected virtual void PassOnPlanned(OutputTarget target) => WriteVerbose($"'{target.Path}' would be unchanged: an earlier row makes the same image.");

    /// <summary>Asks whether to make an image.</summary>
    /// <param name="target">Its file; null if none is written.</param>
    /// <param name="description">What it is, for an image without a file.</param>
    /// <param name="estimate">Finds out what it takes to make it.</param>
    /// <param name="adapters">The LoRAs; null for none.</param>
    /// <param name="madeBy">The model that made it before; null if there is none.</param>
    private protected virtual bool IsWanted(OutputTarget? target, string description, Func<DiffusionPipeline, ImageWork> estimate, AdapterSet? adapters, string? madeBy) =>
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

    /// <summary>The hash of a refiner.</summary>
    private string? Identify(DenoiseOptions options)
    {
        string? hash = null;
        UseRefiner(options, refiner => hash = refiner.Identify(CancellationToken));
        return hash;
    }

    /// <inheritdoc/>
    private protected override void Deliver(Action write)
    {
        _output.Write(write);

        // Records in error are waiting too.
        if (_output.Current is null && _output.Count >= 2 * LookAhead)
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
        Latent latent = UsePipeline(pipeline => image.Job.Denoise(pipeline, image.Index, stages, CancellationToken), image.Adapters);
        UseRefiner(image.Options, refiner => latent = image.Job.Refine(refiner, latent, image.Index, stages, CancellationToken));
        return UsePipeline(pipeline => image.Job.Decode(pipeline, latent, stages, CancellationToken), image.Adapters);
    }

    /// <summary>Uses the refiner. That it is missing is an error of its record alone.</summary>
    private void UseRefiner(DenoiseOptions options, Action<DiffusionPipeline> use)
    {
        string? model = ModelInUse;
        try
        {
            UseModel(
                ChooseModel(options.Refiner, TakesNamesOnly(nameof(Refiner), options.Refiner!)),
                pipeline =>
                {
                    use(pipeline);
                    return true;
                });
        }
        catch (DiffusionException error) when (error is StableDiffusion.ModelNotFoundException or ModelInvalidException)
        {
            throw new InvalidSettingException(nameof(Refiner), $"The refiner cannot be used. {Sentence.Of(error)}");
        }
        finally
        {
            ModelInUse = model;
        }
    }

    /// <summary>The image, or the record of one, that is to be made again; null if there is none. With a prompt, an image is one to start from.</summary>
    private GeneratedObject? FindMade() => Given switch
    {
        ImageMetadata metadata => metadata,
        DiffusionImage image => IsFixed(nameof(Prompt)) ? null : image,
        _ => SelectedRecord.Find(Input?.Value),
    };

    /// <summary>The images that recorded stages began with and that are not given, each with its parameter. A mask that is not given again must not be left out in silence.</summary>
    private IEnumerable<string> MissingImages(OneImage recorded)
    {
        if (recorded.Start.Count > 0 && InitImage is null)
            yield return Named(nameof(InitImage), recorded.Start);
        if (recorded.Mask is StageList mask && MaskImage is null)
            yield return Named(nameof(MaskImage), mask);
        if (ControlImage is not { Length: > 0 } && !IsGiven(nameof(ControlNet)))
        {
            foreach (StageList control in recorded.Denoising.Inputs.GetValueOrDefault(nameof(ControlImage), []))
                yield return Named(nameof(ControlImage), control);
        }

        static string Named(string parameter, StageList image) => image.File is string file ? $"-{parameter} '{file}'" : $"-{parameter}";
    }

    /// <summary>Whether the given image is not the one that the last denoising started from, but one from which that was made, so that all stages are repeated.</summary>
    private bool IsEarlierStart(OneImage recorded)
    {
        if (InitImage is null || recorded.Start is not { Count: > 1, Output: string last })
            return false;

        try
        {
            string given = StageList.Hash<byte>(ReadImage(nameof(InitImage), InitImage, BackgroundColor.Parse(string.IsNullOrWhiteSpace(Background) ? null : Background)).Pixels);
            return given != last && recorded.Start.WithInputs().Any(stage => stage.Operation == StageOperation.ReadImage && stage.Output == given);
        }
        catch (DiffusionException)
        {
            // The request says what is wrong with the file.
            return false;
        }
    }

    private void MakeAgain(GeneratedObject made, StageList stages, OneImage? recorded)
    {
        Subject = Input!.Describe(made.Prompt, OutFile);
        Claims.Interruption?.Check();
        if (!Claims.Has(() => new RowIdentity(this, InitImage).HashOfNames(made.Info)))
            return;
        if (FindChange(made) is string setting)
        {
            throw recorded is null
                ? new InvalidSettingException(setting, $"The image was made in several stages ({stages}), which are repeated as they were. Omit {setting}. To change it, let ConvertTo-DiffusionScript write the commands that make the image, and edit them.")
                : new NotRepeatableException($"To change {setting}, also give what the image was made from: {string.Join(", ", MissingImages(recorded))}.");
        }

        bool isForeign = Input.IsMetadata || NamesOnly;
        ReplayImages images = new() { OpensPaths = !isForeign };
        if (InitImage is not null)
            images.Add(ReadImage(nameof(InitImage), InitImage, BackgroundColor.Parse(string.IsNullOrWhiteSpace(Background) ? null : Background)));
        foreach (ImageInput control in (ControlImage ?? []).OfType<ImageInput>())
            images.Add(ReadImage(nameof(ControlImage), control));
        if (MaskImage is not null)
            images.Add(ReadImage(nameof(MaskImage), MaskImage), ReadMask());
        ImageOutput output = CreateOutput();
        OutputTarget? target = CreateNames(source: null, index => new RowIdentity(this, InitImage).Name(_template!, made.Info, made.Info, index, count: 1)).Next(made.Prompt ?? "image", made.Seed, index: 0, count: 1, ResolveOutput);
        DiffusionImage? unchanged = null;
        bool? Find() => Look(target, output, path => ResumeCheck.Find(path, made.Info with { Stages = stages }, CancellationToken), out unchanged);
        if (Find() == false)
            return;
        if (unchanged is not null)
        {
            PassOn(unchanged);
            return;
        }

        ImageStages observer = new(this, new DenoiseOptions { Prompt = made.Prompt, PromptSyntax = made.PromptSyntax }, Progress);
        StageReplay replay = new(ModelLibrary.Default, (model, adapters, run) => UseModel(ChooseModel(model, NamesOnly || (isForeign && !IsGiven(nameof(Model)))), run, adapters), images)
        {
            Model = IsGiven(nameof(Model)) ? Model : null,
            Device = DeviceName,
            Upscale = (image, size, progress, token) => Upscale(image, size.Upscaler, size, progress, token),
            Observer = observer,
        };
        foreach (string warning in replay.Check(stages, CancellationToken))
            Warn(warning);
        if (!IsWanted(target, $"'{InputRecord.Shorten(made.Prompt ?? stages.ToString(), LongestShown)}'", pipeline => pipeline.Estimate(made.Info), adapters: null, made.Model))
            return;

        target?.CreateFolder();
        ClaimedImage? again = null;
        again = Later(target, images.Bytes, Find, Run);
        Claim? claim = null;
        if (again is not null && !Claims.TryTake(again, out claim))
            return;
        if (unchanged is null)
            Run(claim);
        else
            PassOn(unchanged);

        void Run(Claim? claim) => Claims.Run(again, claim, () =>
        {
            observer.Claim = claim;
            Progress.Start();
            long begun = Stopwatch.GetTimestamp();
            DiffusionImage image = replay.Run(stages, CancellationToken);

            // The settings of all passes are said once; the last stage has those of the last one.
            // Neither has an image that begins with a file the settings of that file.
            if (HasPasses(made.Info) || (image.Prompt is null && made.Prompt is not null))
                image = new DiffusionImage(image.Width, image.Height, image.Pixels, made.Info with { Stages = image.Info.Stages });
            Progress.Finish();
            Finish(image, target, output, Stopwatch.GetElapsedTime(begun), claim);
        });
    }

    /// <summary>Whether an image of several passes, which one request made, is to be made with another setting: its settings say all that the request needs.</summary>
    private bool IsChangedRequest(GeneratedObject made) => HasPasses(made.Info)
        && (made.Info.Strength is null || InitImage is not null)
        && (made.Info.InpaintMode is null || MaskImage is not null)
        && (made.Info.ControlNets is not { Count: > 0 } || ControlImage is not null)
        && FindChange(made) is not null;

    /// <summary>Whether one request made an image in several passes, whose settings it says once for all of them.</summary>
    private static bool HasPasses(GenerationInfo info) => info is { Hires: not null } or { Detail: not null } or { Refiner: not null };

    /// <summary>A setting that was given and would change what recorded stages make; null if there is none.</summary>
    private string? FindChange(GeneratedObject made) =>
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
            Claims.Write(target.Path, claim, () => Write(image, target, output));
        claim?.Dispose();
        _journal?.Add(image, JournalStatus.Made, time);
        object made = NoMetadata ? Private(image) : image;
        Deliver(() => WriteObject(made));
    }

    /// <param name="source">The file that the image is made from, whose name is kept without a template; null if there is none.</param>
    /// <param name="name">Names an image by the template.</param>
    /// <param name="hasOneSeed">Whether the seed is the same for several images.</param>
    private OutputNames CreateNames(string? source, Func<int, string> name, bool hasOneSeed = false)
    {
        string? directory = string.IsNullOrEmpty(OutDirectory) ? null : ResolveOutput(OutDirectory);
        if (directory is not null && NamesOnly && !IsGiven(nameof(OutDirectory)))
            OutputNames.CheckInside(nameof(OutDirectory), OutDirectory!, Path.Combine(directory, FileNames.Image), ResolveOutput("."));

        return new OutputNames(string.IsNullOrEmpty(OutFile) && !IsFixed(nameof(OutFile)) ? null : OutFile, directory, FileEnding.Parse(Format), source)
        {
            Limits = NamesOnly && !IsGiven(nameof(OutFile)) ? directory ?? ResolveOutput(".") : null,
            Template = _template is null ? null : name,
            IsStable = IsResumed || _template is not null,
            AddsIndex = _template is null ? hasOneSeed || source is not null : !_template.Has(NameTemplate.Index) && !_template.Has(NameTemplate.Hash) && (hasOneSeed || !_template.Has(NameTemplate.Seed)),
        };
    }

    private ImageOutput CreateOutput() => new(new ImageWriteOptions { Overwrite = Force, Quality = Number.Read(Quality) ?? ImageWriteOptions.DefaultQuality, Metadata = !NoMetadata }, CancellationToken);

    private TextToImage Plan(DenoiseOptions options, StartImage? start, IReadOnlyList<TextualInversion> words) => new(new TextToImageRequest
    {
        Options = options,
        Count = Number.Read(Count) ?? 1,
        SharedGenerator = SharedGenerator,
        Start = start,
        TextualInversions = words,
        Upscale = (image, size, progress, token) => Upscale(image, FindUpscaler(size.Upscaler), size, progress, token),
        FindRegions = (image, found, progress, token) => _detector.Open(FindDetector(found.Detector), DeviceName, progress, token).Find(image, found, token),
    });

    /// <summary>Enlarges an image by a network, which stays open for the next one.</summary>
    private DiffusionImage Upscale(DiffusionImage image, string nameOrPath, UpscaleOptions size, Action<ProgressReport> progress, CancellationToken token) =>
        ImageUpscaling.Run(image, _upscaler.Open(nameOrPath, DeviceName, progress, token), size, progress, token);

    /// <summary>Finds the detector before any work. Without one that a record names, the image is made without it, as it is without the images of ControlNets.</summary>
    private DenoiseOptions CheckDetailer(DenoiseOptions options)
    {
        if (options.Detail?.Detailer is not string detector)
            return options;
        try
        {
            FindDetector(detector);
            return options;
        }
        catch (DetectorNotFoundException error) when (Input?.IsMetadata == true && !IsGiven(nameof(Detailer)))
        {
            Warn($"{error.Message} The image is made without its regions being painted anew.");
            return options with { Detail = null };
        }
    }

    private string FindDetector(string detector) => DetectorInUse.Find(detector, TakesNamesOnly(nameof(Detailer), detector), path => PathHelper.FindExisting(this, path));

    /// <summary>The name of an upscaler in the store, or the full path of its file.</summary>
    private string FindUpscaler(string upscaler)
    {
        NetworkStore store = ModelLibrary.Default.Upscalers;
        try
        {
            string found = ResolveNetwork(nameof(HiresUpscaler), upscaler, store);
            store.Locate(found);
            return found;
        }
        catch (UpscalerNotFoundException error)
        {
            throw new UpscalerNotFoundException($"{error.Message} Or choose one of these for HiresUpscaler: {string.Join(", ", HiresPass.LatentUpscalers)}, Lanczos, Bicubic or Nearest.");
        }
    }

    private void Write(DiffusionImage image, OutputTarget target, ImageOutput output)
    {
        string written = Timed($"Writing '{target.Path}'", () => target.Write((path, addsNumber) => output.Write(image, path, addsNumber)));
        if (written != target.Path)
            WriteVerbose($"Another file of that name was created in the meantime; the image is '{written}'.");
    }

    /// <summary>The image to start from: that of the parameter, or that of the pipeline unless the pipeline gives the prompt.</summary>
    private ImageInput? FindStart(out bool isPiped)
    {
        isPiped = InitImage is null && Given is (FileSystemInfo or DiffusionImage) && IsFixed(nameof(Prompt));
        if (InitImage is not null && Given is FileSystemInfo file && IsFixed(nameof(Prompt)))
            throw new InvalidSettingException(nameof(InitImage), $"There are two images to start from, '{file}' and InitImage. Omit one of them.");
        return isPiped ? new ImageInput(Given!) : InitImage;
    }

    private StartImage? FitStart(ImageInput? source, bool isPiped, OneImage? recorded, ref DenoiseOptions options)
    {
        if (source is null)
        {
            RequireNoStart(options);
            WarnOfOthers(recorded, start: null, options);
            return null;
        }

        // An image from the pipeline carries the size and the resize mode that it was made with.
        int? width = isPiped && !IsFixed(nameof(Width)) ? null : options.Width;
        int? height = isPiped && !IsFixed(nameof(Height)) ? null : options.Height;
        string? named = isPiped && !IsFixed(nameof(ResizeMode)) ? null : ResizeMode;
        ResizeMode? mode = string.IsNullOrWhiteSpace(named) ? null : EnumSetting.Parse(nameof(ResizeMode), named, StartImage.DefaultResizeMode);
        BackgroundColor background = BackgroundColor.Parse(options.Background);
        bool isRegion = options is { Mask: not null, MaskedOnly: true };
        if (isRegion && mode is not null)
            RefuseIdle(nameof(ResizeMode), "ResizeMode has no effect with MaskedOnly, which makes the region around the mask and pastes it into the image as it is. Omit one of them.");
        GenerationSettings? inpainting = options.Mask is null ? null : options;
        DiffusionImage image = source.Read(
            nameof(InitImage),
            path => ImageFile.Load(ResolveFile(path), background, CancellationToken, isRegion ? null : (ownWidth, ownHeight) => Inspect(pipeline => pipeline.CheckStart(ownWidth, ownHeight, width, height, mode))),
            static given => given);
        WarnOfOthers(recorded, image, options);
        MaskImage? mask = options.Mask;
        StartImage start = Inspect(pipeline => pipeline.FitImage(image, mask, width, height, mode, inpainting));

        // An image in memory has no pixels that are not opaque.
        string? seen = source.Given is DiffusionImage || background == BackgroundColor.White ? null : background.ToString();
        options = options with { Width = start.Image.Width, Height = start.Image.Height, Mask = start.Mask, Background = seen };
        if (start.ResizeMode != StableDiffusion.Settings.ResizeMode.None)
            WriteVerbose($"The image to start from was resized from {image.Width}x{image.Height} to {start.Image.Width}x{start.Image.Height} pixels with the resize mode {start.ResizeMode}.");
        return start;
    }

    private DiffusionImage ReadImage(string parameter, ImageInput image, BackgroundColor? background = null) =>
        image.Read(parameter, path => ImageFile.Load(ResolveFile(path), background ?? BackgroundColor.White, CancellationToken), static given => given);

    private void WarnOfOthers(OneImage? recorded, DiffusionImage? start, DenoiseOptions options)
    {
        foreach (string warning in recorded is null ? [] : RecordedImages.FindOthers(recorded, start, options.Mask, options.Controls))
            Warn(warning);
    }

    /// <summary>Throws for a record or a setting that needs an image to start from.</summary>
    private void RequireNoStart(DenoiseOptions options)
    {
        if (FindMade() is { Strength: not null } or { ImageGuidanceScale: not null })
        {
            GeneratedObject record = FindMade()!;
            string made = (record as ImageMetadata)?.Path ?? (record as DiffusionImage)?.Path ?? $"{record}";
            throw new InvalidSettingException(
                record.Strength is null ? nameof(ImageGuidanceScale) : nameof(Strength),
                $"'{made}' was made from another image, and its record does not say which. Give that image with -InitImage and, if only a part of it was repainted, the mask with -MaskImage.");
        }

        if (options.Strength is not null)
            throw new InvalidSettingException(nameof(Strength), NeedsStart(nameof(Strength)));
        if (options.Mask is not null)
            throw new InvalidSettingException(nameof(DenoiseOptions.Mask), NeedsStart(nameof(MaskImage)));
        if (!string.IsNullOrWhiteSpace(ResizeMode))
            RefuseIdle(nameof(ResizeMode), NeedsStart(nameof(ResizeMode)));
        if (options.StrengthRule is not null)
            throw new InvalidSettingException(nameof(StrengthRule), NeedsStart(nameof(StrengthRule)));

        static string NeedsStart(string parameter) => $"{parameter} needs an image to start from, and none is given. Give one with -InitImage, or omit {parameter}.";
    }

    /// <summary>The image with the NoMetadata property, which Export-DiffusionImage respects.</summary>
    private static PSObject Private(DiffusionImage image)
    {
        PSObject output = new(image);
        output.Properties.Add(new PSNoteProperty(nameof(NoMetadata), true));
        return output;
    }
}
