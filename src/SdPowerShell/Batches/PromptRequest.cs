using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Batches;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Batches;

/// <summary>The request of one prompt of a record, all of which was checked.</summary>
internal sealed class PromptRequest
{
    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>What makes the record the same work again.</summary>
    public required RowIdentity Identity { get; init; }

    /// <summary>The settings as they were given, without images.</summary>
    public required DenoiseOptions Asked { get; init; }

    /// <summary>The settings of the images.</summary>
    public required DenoiseOptions Options { get; init; }

    /// <summary>The mask as it was given; null for none.</summary>
    public required MaskImage? Mask { get; init; }

    /// <summary>The image to start from; null for noise.</summary>
    public required StartImage? Start { get; init; }

    /// <summary>The images.</summary>
    public required TextToImage Job { get; init; }

    /// <summary>The LoRAs.</summary>
    public required AdapterSet Adapters { get; init; }

    /// <summary>Names their files.</summary>
    public required OutputNames Names { get; init; }

    /// <summary>Writes their files.</summary>
    public required ImageOutput Output { get; init; }

    /// <summary>Their width and height in pixels.</summary>
    public required (int Width, int Height) Size { get; init; }

    /// <summary>The number of bytes of the images that each image is made from.</summary>
    public long Bytes => (Start?.Image.Pixels.LongLength ?? 0) + Options.Controls.Sum(static control => control.Image.Pixels.LongLength);

    /// <summary>The number of bytes of the pixels of each image, once it is made.</summary>
    public long PixelBytes => (long)Size.Width * Size.Height * DiffusionImage.Channels;

    /// <summary>Checks the request. What can be known is checked before an image is read: the settings, the seeds, and the file to write.</summary>
    /// <param name="command">The cmdlet, with the settings of the record.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="recorded">What was recorded of the image that is made again; null for none.</param>
    /// <returns>The request; null if another run makes it.</returns>
    public static PromptRequest? Prepare(NewDiffusionImageCommand command, string? prompt, OneImage? recorded)
    {
        CheckPrompt(command, prompt);
        command.Claims.Interruption?.Check();
        DenoiseOptions options = command.CreateSettings() with { Prompt = prompt, NegativePrompt = command.NegativePrompt };
        StartParameters starting = new(command);
        ImageInput? source = starting.Find(out bool isPiped);
        RowIdentity identity = new(command, source);
        if (!command.Claims.Has(() => identity.HashOfNames(options with { Seed = Drawn(options.Seed), VariationSeed = Drawn(options.VariationSeed) })))
            return null;
        options = command.Networks.CheckDetailer(options);
        CheckIdle(command, options, hasStart: source is not null);
        if (command.IsResumed)
            options = WithSeedsOf(identity, options);
        DenoiseOptions asked = options;
        IReadOnlyList<TextualInversion> words = AdapterSetting.ReadTextualInversions(command, command.TextualInversion);
        TextToImage job = Plan(command, source is null ? options : options with { Hires = null }, start: null, words);
        options = options with { Seed = job.OptionsOf(0).Seed, VariationSeed = job.OptionsOf(0).VariationSeed };
        OutputNames names = command.OutFiles.Names(
            isPiped ? source!.Path : (command.Given as ExpandedImage)?.File,
            (template, index) => identity.Name(template, OfImage(options, job, index), OfImage(asked, job, index), index, job.Count),
            hasOneSeed: job.Count > 1 && job.OptionsOf(0).Seed == job.OptionsOf(1).Seed);
        ImageOutput output = command.OutFiles.Output();
        if (!command.IsResumed && names.Template is null && names.Next(prompt!, options.Seed, index: 0, job.Count, command.ResolveOutput) is OutputTarget first)
            output.Check(first);
        AdapterSet adapters = AdapterSetting.ReadLoras(command, command.Lora, prompt, job.PromptOptions.Syntax);
        if (options.Hires?.HiresPrompt is string second && !AdapterSetting.ReadLoras(command, command.Lora, second, job.PromptOptions.Syntax).Equals(adapters))
            throw new InvalidSettingException(nameof(command.HiresPrompt), "HiresPrompt names other LoRAs than the prompt, and both passes use the same ones. Name the same LoRAs in both, or use the parameter Lora.");
        command.Networks.CheckUpscaler(options);

        command.Staged.MakeFiles(new[] { source, command.MaskImage }.Concat(command.ControlImage ?? []).Select(static image => image?.Path).OfType<string>().Select(command.ResolveOutput));
        options = command.ReadImages(options);
        MaskImage? mask = options.Mask;
        StartImage? start = starting.Fit(source, isPiped, recorded, ref options);
        job = Plan(command, options, start, words);
        (int Width, int Height) size = command.Inspect(pipeline => pipeline.Check(options, start));
        if (options.Refiner is not null)
            command.Networks.UseRefiner(options, refiner => command.Inspect(pipeline => refiner.CheckRefines(pipeline)));
        return new PromptRequest
        {
            Prompt = prompt!,
            Identity = identity,
            Asked = asked,
            Options = options,
            Mask = mask,
            Start = start,
            Job = job,
            Adapters = adapters,
            Names = names,
            Output = output,
            Size = size,
        };

        static long? Drawn(long? seed) => RandomSeed.IsDrawn(seed) ? null : seed;
    }

    /// <summary>The hash of what an image was asked for, with the defaults of the model.</summary>
    /// <param name="command">The cmdlet.</param>
    /// <param name="index">The index of the image.</param>
    public RequestHash HashOf(NewDiffusionImageCommand command, int index)
    {
        GenerationSettings settings = OfImage(Asked, Job, index);
        return Identity.Hash(command.Inspect(pipeline => pipeline.Complete(settings as DenoiseOptions ?? SettingTable.Create<DenoiseOptions>(row => row.Get(settings)))));
    }

    private static void CheckPrompt(NewDiffusionImageCommand command, string? prompt)
    {
        if (string.IsNullOrWhiteSpace(prompt))
            throw new InvalidSettingException(nameof(command.Prompt), "The prompt is empty. Say what the image should show. For an image without a prompt, pipe Get-TextEmbedding '' to Invoke-Denoise.");
        command.CheckMerged();
        if (command.Input?.Value?.BaseObject is Latent { Stages: StageList made } && command.IsCarriedAlong(nameof(command.Prompt)) && made.HasMergedLatent)
            throw new NotRepeatableException("The latent is merged from others, and its settings do not make it again. ConvertFrom-Latent decodes it.");
    }

    private static void CheckIdle(NewDiffusionImageCommand command, DenoiseOptions options, bool hasStart)
    {
        string? idle = options.RefinerSwitchAt is not null ? nameof(options.RefinerSwitchAt) : options.RefinerSwitchBySteps is not null ? nameof(options.RefinerSwitchBySteps) : options.RefinerMode is not null ? nameof(options.RefinerMode) : null;
        if (options.Refiner is null && idle is not null)
            command.RefuseIdle(idle, $"{idle} has no effect without Refiner. Give that too, or omit {idle}.");
        BackgroundColor.Parse(options.Background);
        if (!hasStart && options.Background is not null)
            command.RefuseIdle(nameof(options.Background), "Background has no effect without an image to start from. Give one with -InitImage, or omit Background.");
        if (command.IsResumed && command.NoMetadata)
            throw new InvalidSettingException(nameof(command.NoMetadata), $"A file without metadata does not say how it was made, so that the work cannot be resumed. Omit NoMetadata, or omit {(command.Claim ? nameof(command.Claim) : nameof(command.Resume))}.");
    }

    /// <summary>Seeds that would be drawn are those of the record, which are the same when the work is resumed.</summary>
    private static DenoiseOptions WithSeedsOf(RowIdentity identity, DenoiseOptions options) => options with
    {
        Seed = RandomSeed.IsDrawn(options.Seed) ? identity.Hash(options with { Seed = null, VariationSeed = null }).Seed : options.Seed,
        VariationSeed = options.VariationStrength > 0 && RandomSeed.IsDrawn(options.VariationSeed) ? identity.Hash(options with { VariationSeed = null }).Seed : options.VariationSeed,
    };

    private static TextToImage Plan(NewDiffusionImageCommand command, DenoiseOptions options, StartImage? start, IReadOnlyList<TextualInversion> words) => new(new TextToImageRequest
    {
        Options = options,
        Count = Number.Read(command.Count) ?? 1,
        SharedGenerator = command.SharedGenerator,
        Start = start,
        TextualInversions = words,
        Upscale = (image, size, progress, token) => command.Networks.Upscale(image, command.Networks.FindUpscaler(size.Upscaler), size, progress, token),
        FindRegions = command.Networks.FindRegions,
    });

    private static GenerationSettings OfImage(GenerationSettings settings, TextToImage job, int index)
    {
        DenoiseOptions own = job.OptionsOf(index);
        return settings with { Seed = own.Seed, VariationSeed = own.VariationSeed, BatchSize = own.BatchSize, BatchIndex = own.BatchIndex };
    }
}
