using System.Management.Automation;
using System.Runtime.ExceptionServices;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Commands;

/// <summary>Makes images from prompts: runs all stages with one open model.</summary>
[Cmdlet(VerbsCommon.New, "DiffusionImage", SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionImage))]
public sealed class NewDiffusionImageCommand : DetailCmdlet
{
    // What is asked for with -Confirm, or said with -WhatIf.
    private const int LongestShown = 300;

    // The parameters that do not change what recorded stages make.
    private static readonly HashSet<string> s_ofRepetition = new(StringComparer.OrdinalIgnoreCase)
    {
        nameof(Model), nameof(Device), nameof(InitImage), nameof(MaskImage), nameof(ControlImage), nameof(OutFile), nameof(OutDirectory), nameof(Format), nameof(Quality), nameof(NoMetadata), nameof(Force), nameof(Strict), nameof(NamesOnly), nameof(LowMemory), nameof(StageMajor), nameof(BatchOnDevice),
    };

    // Embeddings, latents and images to start from are kept until their stage.
    private const int MostStaged = 100;
    private const long MostStagedBytes = 256L << 20;

    private readonly List<StagedImage> _staged = [];
    private readonly UpscalerInUse _upscaler = new();
    private readonly DetectorInUse _detector = new();
    private readonly PromptReader _prompts;
    private BatchProgress? _progress;

    /// <summary>Initializes the cmdlet.</summary>
    public NewDiffusionImageCommand() => _prompts = new(this, record => record is { IsText: true });

    /// <summary>A description of the image.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    [Text(Column = nameof(Prompt), FileAdvice = "To start from an image, give the prompt as an argument. To make an image again, read its settings with Get-DiffusionMetadata. To take the lines of a text file as prompts, read them with Get-Content; for the rows of a table, use Import-Csv.")]
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

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt)) || Given is FileSystemInfo or DiffusionImage;

    /// <inheritdoc/>
    private protected override string? MissingColumn => ReferenceEquals(Prompt, TextAttribute.None) ? nameof(Prompt) : null;

    /// <inheritdoc/>
    private protected override string? AdviceFor(InputRecord input) => input.IsText && input.Value!.BaseObject is string text && PathHelper.FindExisting(this, text) is not null
        ? $"a text from the pipeline is a prompt, and Prompt is given as an argument. To start from the file '{InputRecord.Shorten(text)}', give it with -InitImage, or pipe the output of Get-Item."
        : null;

    /// <summary>The object from the pipeline; null if there is none.</summary>
    private object? Given => Cell.Unwrap(Input?.Value);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _progress = new BatchProgress(WriteProgress, MyInvocation.ExpectingInput ? null : (long)(Prompt?.Length ?? 1) * (Number.Read(Count) ?? 1));
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
                _prompts.ForEach(Prompt, OutFile, prompt => Plan(prompt, recorded));
            }
            else
            {
                MakeStaged();
                ProcessOne(Given, () => MakeAgain(made!, stages, recorded));
            }

            if (!StageMajor || _staged.Count >= MostStaged || _staged.Sum(static image => image.Bytes) >= MostStagedBytes)
                MakeStaged(isLast: StageMajor);
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
            _upscaler.Dispose();
            _detector.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        MakeStaged();
        _prompts.ReportPassedOver();
        _progress?.Complete();
    }

    /// <remarks>The images that wait for their batch come before the error of a later record, which may end the pipeline.</remarks>
    private void Plan(string? prompt, OneImage? recorded)
    {
        try
        {
            Make(prompt, recorded);
        }
        catch (Exception error) when (error is DiffusionException or RecordException && !StageMajor)
        {
            MakeStaged();
            throw;
        }
    }

    private void Make(string? prompt, OneImage? recorded)
    {
        if (string.IsNullOrWhiteSpace(prompt))
            throw new InvalidSettingException(nameof(Prompt), "The prompt is empty. Say what the image should show. For an image without a prompt, pipe Get-TextEmbedding '' to Invoke-Denoise.");

        // What can be known is checked before an image is read: the settings, the seeds, and the file to write.
        DenoiseOptions options = CheckDetailer(CreateSettings() with { Prompt = prompt, NegativePrompt = NegativePrompt });
        string? idle = options.RefinerSwitchAt is not null ? nameof(RefinerSwitchAt) : options.RefinerSwitchBySteps is not null ? nameof(RefinerSwitchBySteps) : options.RefinerMode is not null ? nameof(RefinerMode) : null;
        if (options.Refiner is null && idle is not null)
            RefuseIdle(idle, $"{idle} has no effect without Refiner. Give that too, or omit {idle}.");
        ImageInput? source = FindStart(out bool isPiped);
        BackgroundColor.Parse(options.Background);
        if (source is null && options.Background is not null)
            RefuseIdle(nameof(Background), "Background has no effect without an image to start from. Give one with -InitImage, or omit Background.");
        IReadOnlyList<TextualInversion> words = AdapterSetting.ReadTextualInversions(this, TextualInversion);
        TextToImage job = Plan(source is null ? options : options with { Hires = null }, start: null, words);
        options = options with { Seed = job.OptionsOf(0).Seed, VariationSeed = job.OptionsOf(0).VariationSeed };
        OutputNames names = CreateNames(isPiped ? source!.Path : (Given as ExpandedImage)?.File);
        ImageOutput output = CreateOutput();
        if (names.Next(prompt, options.Seed, index: 0, job.Count, ResolveOutput) is OutputTarget first)
            output.Check(first);
        AdapterSet adapters = AdapterSetting.ReadLoras(this, Lora, prompt, job.PromptOptions.Syntax);
        if (options.Hires?.HiresPrompt is string second && !AdapterSetting.ReadLoras(this, Lora, second, job.PromptOptions.Syntax).Equals(adapters))
            throw new InvalidSettingException(nameof(HiresPrompt), "HiresPrompt names other LoRAs than the prompt, and both passes use the same ones. Name the same LoRAs in both, or use the parameter Lora.");
        if (options.Hires is HiresSettings hires && HiresPass.NetworkOf(hires) is string network)
            _upscaler.Open(FindUpscaler(network), DeviceName, ReportLoading, CancellationToken);
        MakeSources([source, MaskImage, .. ControlImage ?? []]);
        options = ReadImages(options);
        StartImage? start = FitStart(source, isPiped, IsGiven(nameof(Prompt)) ? null : recorded, ref options);
        job = Plan(options, start, words);
        (int width, int height) = Inspect(pipeline => pipeline.Check(options, start));
        if (options.Refiner is not null)
        {
            // It takes models in turn, so that others do not wait for it.
            UseRefiner(options, refiner => Inspect(pipeline => refiner.CheckRefines(pipeline)));
        }

        // With tiles, a given image has no stages that others wait for.
        bool isStaged = options.Refiner is null && !(start is not null && options.Hires is not null) && (StageMajor || BatchOnDevice > 1);
        if (!isStaged)
            MakeStaged();
        for (int index = 0; index < job.Count; index++)
        {
            long seed = job.OptionsOf(index).Seed!.Value;
            OutputTarget? target = names.Next(prompt, seed, index, job.Count, ResolveOutput);
            if (target is not null)
                output.Check(target);
            if (!ShouldProcess(target?.Path ?? $"'{InputRecord.Shorten(prompt, LongestShown)}' (seed {seed}, {width}x{height})", "Make image"))
                continue;

            target?.CreateFolder();
            if (isStaged)
            {
                _staged.Add(new StagedImage
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
                    Target = target,
                    Output = output,
                    Bytes = (start?.Image.Pixels.LongLength ?? 0) + options.Controls.Sum(static control => control.Image.Pixels.LongLength),
                });
                continue;
            }

            _progress!.Start();
            DiffusionImage image = options.Refiner is null
                ? UsePipeline(pipeline => job.Make(pipeline, index, new Stages(this, options), CancellationToken), adapters)
                : MakeRefined(job, index, options, adapters);
            _progress.Finish();
            Finish(image, target, output);
        }
    }

    private DiffusionImage MakeRefined(TextToImage job, int index, DenoiseOptions options, AdapterSet adapters)
    {
        Stages stages = new(this, options);
        Latent latent = UsePipeline(pipeline => job.Denoise(pipeline, index, stages, CancellationToken), adapters);
        UseRefiner(options, refiner => latent = job.Refine(refiner, latent, index, stages, CancellationToken));
        return UsePipeline(pipeline => job.Decode(pipeline, latent, stages, CancellationToken), adapters);
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

    /// <summary>Makes the images that wait if another one is made from the file of one of them, which may be an old one still.</summary>
    /// <param name="images">The images that the other one is made from; null for those that are not given.</param>
    private void MakeSources(ImageInput?[] images)
    {
        HashSet<string> paths = [.. _staged.Select(static image => image.Target?.Path).OfType<string>()];
        if (paths.Count > 0 && images.Any(image => image?.Path is string path && paths.Contains(ResolveOutput(path))))
            MakeStaged();
    }

    /// <summary>Makes the images that wait, stage by stage: with StageMajor all of them, otherwise as many at a time as a batch on the device has.</summary>
    /// <param name="isLast">Whether those are made too that are fewer than a batch.</param>
    private void MakeStaged(bool isLast = true)
    {
        (InputRecord? input, string? subject, string device, SwitchParameter noMetadata, string? model) = (Input, Subject, Device, NoMetadata, ModelInUse);
        foreach (StagedImage[] images in _staged.Chunk(StageMajor ? int.MaxValue : BatchOnDevice).ToArray())
        {
            if (isLast || images.Length == BatchOnDevice)
            {
                MakeStaged(images);
                _staged.RemoveRange(0, images.Length);
            }
        }

        (Input, Subject, Device, NoMetadata, ModelInUse) = (input, subject, device, noMetadata, model);
    }

    /// <remarks>
    /// As without stages, an error ends the request of its image alone; with batches on the device, from its denoising on its
    /// image alone. With batches, an error is kept until its image would be decoded, so that errors come in the order of the images.
    /// </remarks>
    private void MakeStaged(StagedImage[] images)
    {
        bool isBatch = BatchOnDevice > 1;
        RunStage((image, pipeline, stages) => image.Job.Encode(pipeline, stages, CancellationToken), keepsErrors: isBatch);
        if (isBatch)
        {
            RunStage((image, pipeline, stages) => image.Denoising = image.Job.Prepare(pipeline, image.Index, stages, CancellationToken), keepsErrors: true);
            foreach (IGrouping<(string?, string, AdapterSet), StagedImage> group in images.Where(static image => image is { HasFailed: false, Denoising: not null }).GroupBy(static image => (image.Model, image.Device, image.Adapters)))
                DenoiseTogether([.. group]);
            RunStage((image, pipeline, stages) => image.Latent = image.Job.Enlarge(pipeline, image.Index, image.Latent!, stages, CancellationToken), keepsErrors: true);
        }
        else
        {
            RunStage((image, pipeline, stages) =>
            {
                _progress!.Start();
                image.Latent = image.Job.Denoise(pipeline, image.Index, stages, CancellationToken);
                _progress.Finish();
            });
        }

        RunStage((image, pipeline, stages) => Finish(image.Job.Decode(pipeline, image.Latent!, stages, CancellationToken), image.Target, image.Output));

        void RunStage(Action<StagedImage, DiffusionPipeline, Stages> run, bool keepsErrors = false)
        {
            foreach (StagedImage image in images.Where(image => !image.HasFailed && !(keepsErrors && image.Error is not null) && !CancellationToken.IsCancellationRequested))
            {
                Begin(image);
                bool isDone = ProcessOne(image.Options.Prompt, () => Run(image, run, keepsErrors));
                if (!isDone || image.Error is not null)
                    Fail(image, isDone);
            }
        }

        void Run(StagedImage image, Action<StagedImage, DiffusionPipeline, Stages> run, bool keepsErrors)
        {
            if (image.Error is not null)
                ExceptionDispatchInfo.Throw(image.Error);
            try
            {
                UseModelOf(image, pipeline => run(image, pipeline, new Stages(this, image.Options)));
            }
            catch (DiffusionException error) when (keepsErrors)
            {
                image.Error = error;
            }
        }

        // Those of the request that are not prepared would fail in the same way.
        void Fail(StagedImage image, bool isKept)
        {
            foreach (StagedImage other in _staged.Where(other => other == image ? !isKept : other.Job == image.Job && other.Denoising is null))
                other.HasFailed = true;
        }
    }

    /// <summary>Denoises images of one model in batches on the device.</summary>
    private void DenoiseTogether(StagedImage[] images)
    {
        Begin(images[0]);
        bool isDone = ProcessOne(images[0].Options.Prompt, () => UseModelOf(images[0], pipeline =>
        {
            using DeviceBatches batches = pipeline.Divide([.. images.Select(static image => image.Denoising!)], BatchOnDevice, job => Begin(images[job]), CancellationToken);
            foreach (DeviceBatch batch in batches.All)
            {
                StagedImage first = images[batch.Jobs[0]];
                Begin(first);
                Stages stages = new(this, first.Options) { Count = batch.Jobs.Count };
                _progress!.Start(batch.Jobs.Count);
                foreach (DenoiseResult result in stages.Run(Stage.Denoising, () => batch.Run(stages.OnStep)))
                    (images[result.Job].Latent, images[result.Job].Error) = (result.Latent, result.Error);
                _progress.Finish();
                if (first.Latent is Latent latent)
                    ReportControlImages(first.Options, latent);
            }
        }));
        foreach (StagedImage image in isDone ? [] : images)
            image.HasFailed = true;
    }

    /// <summary>Runs stages of the model that the record of an image that waits named.</summary>
    private void UseModelOf(StagedImage image, Action<DiffusionPipeline> use) => UseModel(
        ChooseModel(image.Model, isNameOnly: false),
        pipeline =>
        {
            use(pipeline);
            return true;
        },
        image.Adapters);

    /// <summary>Sets what the record of an image that waits said.</summary>
    private void Begin(StagedImage image) => (Input, Subject, Device, NoMetadata, ModelInUse) = (image.Input, image.Subject, image.Device, image.NoMetadata, image.Model);

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
        OutputTarget? target = CreateNames(source: null).Next(made.Prompt ?? "image", made.Seed, index: 0, count: 1, ResolveOutput);
        if (target is not null)
            output.Check(target);
        StageReplay replay = new(ModelLibrary.Default, (model, adapters, run) => UseModel(ChooseModel(model, NamesOnly || (isForeign && !IsGiven(nameof(Model)))), run, adapters), images)
        {
            Model = IsGiven(nameof(Model)) ? Model : null,
            Device = DeviceName,
            Upscale = (image, size, progress, token) => Upscale(image, size.Upscaler, size, progress, token),
            Observer = new Stages(this, new DenoiseOptions { Prompt = made.Prompt, PromptSyntax = made.PromptSyntax }),
        };
        foreach (string warning in replay.Check(stages, CancellationToken))
            Warn(warning);
        if (!ShouldProcess(target?.Path ?? $"'{InputRecord.Shorten(made.Prompt ?? stages.ToString(), LongestShown)}'", "Make image"))
            return;

        target?.CreateFolder();
        _progress!.Start();
        DiffusionImage image = replay.Run(stages, CancellationToken);

        // The settings of all passes are said once; the last stage has those of the last one.
        // Neither has an image that begins with a file the settings of that file.
        if (made.Info.Hires is not null || made.Info.Detail is not null || (image.Prompt is null && made.Prompt is not null))
            image = new DiffusionImage(image.Width, image.Height, image.Pixels, made.Info with { Stages = image.Info.Stages });
        _progress.Finish();
        Finish(image, target, output);
    }

    /// <summary>Whether an image of several passes, which one request made, is to be made with another setting: its settings say all that the request needs.</summary>
    private bool IsChangedRequest(GeneratedObject made) => made.Info is { Hires: not null } or { Detail: not null } or { Refiner: not null }
        && (made.Info.Strength is null || InitImage is not null)
        && (made.Info.InpaintMode is null || MaskImage is not null)
        && (made.Info.ControlNets is not { Count: > 0 } || ControlImage is not null)
        && FindChange(made) is not null;

    /// <summary>A setting that was given and would change what recorded stages make; null if there is none.</summary>
    private string? FindChange(GeneratedObject made) =>
        MyInvocation.MyCommand.Parameters.Keys.FirstOrDefault(parameter => IsGiven(parameter) && !s_ofRepetition.Contains(parameter) && !CommonParameters.Contains(parameter) && !OptionalCommonParameters.Contains(parameter))
        ?? SelectedRecord.FindChange(Input!.Value!, made);

    private void Finish(DiffusionImage image, OutputTarget? target, ImageOutput output)
    {
        if (target is not null)
            Write(image, target, output);
        WriteObject(NoMetadata ? Private(image) : image);
    }

    private OutputNames CreateNames(string? source)
    {
        string? directory = string.IsNullOrEmpty(OutDirectory) ? null : ResolveOutput(OutDirectory);
        if (directory is not null && NamesOnly && !IsGiven(nameof(OutDirectory)))
            OutputNames.CheckInside(nameof(OutDirectory), OutDirectory!, Path.Combine(directory, FileNames.Image), ResolveOutput("."));

        return new OutputNames(string.IsNullOrEmpty(OutFile) && !IsFixed(nameof(OutFile)) ? null : OutFile, directory, FileEnding.Parse(Format), source)
        {
            Limits = NamesOnly && !IsGiven(nameof(OutFile)) ? directory ?? ResolveOutput(".") : null,
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
        options = options with { Width = start.Image.Width, Height = start.Image.Height, Mask = start.Mask };
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

    /// <summary>Shows the stages of an image: how long they take, the progress of the denoising, and the text that did not fit into the prompts.</summary>
    private sealed class Stages(NewDiffusionImageCommand command, DenoiseOptions options) : StageObserver
    {
        private DenoisingProgress? _denoising;

        /// <summary>How many images are denoised at once.</summary>
        public int Count { get; init; } = 1;

        public override T Run<T>(Stage stage, Func<T> work)
        {
            if (stage != Stage.Denoising)
                return command.Timed(NameOf(stage), work);

            using DenoisingProgress progress = _denoising = new(command.WriteProgress, options.Prompt, command._progress!.ParentId);
            T result = command.Timed(Count == 1 ? NameOf(stage) : $"{NameOf(stage)} of {Count} images at once", work);
            if (result is Latent latent && options.Hires?.HiresTileSize is null)
                command.ReportControlImages(options, latent);
            return result;
        }

        public override void OnEncoded(TextEmbedding embedding) => command._prompts.WarnOf(embedding, !string.IsNullOrWhiteSpace(options.PromptSyntax));

        public override void OnStep(StepProgress progress)
        {
            _denoising!.Report(progress);
            command._progress!.Advance((double)progress.Step / progress.StepCount);
        }

        public override void OnDetecting(ProgressReport progress) => command.ReportLoading(progress);

        public override void OnUpscaling(ProgressReport progress) => command.ReportLoading(progress);

        private static string NameOf(Stage stage) => stage switch
        {
            Stage.TextEncoder => "Text encoder",
            Stage.VaeEncoder => "VAE encoder",
            Stage.VaeDecoder => "VAE decoder",
            _ => "Denoising",
        };
    }
}
