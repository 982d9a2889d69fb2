using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Models.Adapters;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;
using StableDiffusion.Text.Prompts;

namespace SdPowerShell.Commands;

/// <summary>Makes pictures of prompts: all stages over one open model.</summary>
[Cmdlet(VerbsCommon.New, "DiffusionImage", SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionImage))]
public sealed class NewDiffusionImageCommand : DenoiseCmdlet
{
    private const int HighestCount = 100_000;

    /// <summary>What to show.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    [Text]
    public string?[]? Prompt { get; set; }

    /// <summary>What not to show.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("negative_prompt")]
    public string? NegativePrompt { get; set; }

    /// <summary>Whose syntax the prompt is in: Plain, A1111 or ComfyUI.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Text.Prompts.PromptSyntax>))]
    public string? PromptSyntax { get; set; }

    /// <summary>What weights in a prompt of A1111's syntax do: Original, NoNorm, Ignore or None.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<EmphasisMode>))]
    public string? Emphasis { get; set; }

    /// <summary>The layer of the text encoder to use, counted from the last one, 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("clip_skip")]
    [Number<int>]
    public Number<int>? ClipSkip { get; set; }

    /// <summary>Textual inversion embeddings that the prompts may use by their names, each a name or a path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(TextualInversionCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? TextualInversion { get; set; }

    /// <summary>How many pictures of each prompt; each takes the next seed, or variation seed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("n_iter")]
    [Number<int>]
    public Number<int>? Count { get; set; }

    /// <summary>Draws the noise of all pictures of a prompt from one generator, in place of a seed for each.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter SharedGenerator { get; set; }

    /// <summary>A picture file to start from, of the size that is to come out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? InitImage { get; set; }

    /// <summary>The file to write: .png, .jpg or .webp. With more than one picture, numbers are put behind the name.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? OutFile { get; set; }

    /// <summary>The folder to write to; without OutFile the files are named after prompt and seed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? OutDirectory { get; set; }

    /// <summary>The kind of file where the name does not say: png, jpg or webp.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FileEndingCompleter))]
    public string Format { get; set; } = FileEnding.Default;

    /// <summary>The quality of .jpg and .webp files, 1 to 100.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? Quality { get; set; } = new(ImageWriteOptions.DefaultQuality);

    /// <summary>Leaves out of the file how it was made.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter NoMetadata { get; set; }

    /// <summary>Replaces the file that OutFile names if it exists.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt));

    /// <inheritdoc/>
    private protected override void ProcessInput() => ForEachPrompt(Prompt, OutFile, Make);

    private void Make(string? prompt)
    {
        if (string.IsNullOrWhiteSpace(prompt))
            throw new InvalidSettingException(nameof(Prompt), "The prompt is empty. Say what the picture is to show; for a picture of no prompt, pipe Get-TextEmbedding '' to Invoke-Denoise.");

        int count = Number.Read(Count) ?? 1;
        if (count is < 1 or > HighestCount)
            throw new InvalidSettingException(nameof(Count), $"Count is {count}, but must lie between 1 and {HighestCount}.");

        DenoiseOptions options = SettleSeeds(CreateOptions(), count);
        PromptOptions promptOptions = CreatePromptOptions(PromptSyntax, Emphasis, Number.Read(ClipSkip), TextualInversion);
        AdapterSet adapters = CreateAdapters(Lora, prompt, promptOptions.Syntax);
        DiffusionImage? initial = string.IsNullOrEmpty(InitImage) ? null : ImageFile.Read(ResolveFile(InitImage));
        OutputNames names = new(
            string.IsNullOrEmpty(OutFile) ? null : OutFile,
            string.IsNullOrEmpty(OutDirectory) ? null : ResolveOutput(OutDirectory),
            FileEnding.Parse(Format));
        ImageWriteOptions writing = new() { Overwrite = Force, Quality = Number.Read(Quality) ?? ImageWriteOptions.DefaultQuality, Metadata = !NoMetadata };
        TextEmbedding? embedding = null;
        TextEmbedding? negative = null;
        for (int index = 0; index < count; index++)
        {
            DenoiseOptions own = OfPicture(options, index, count);
            string? target = names.Next(prompt, own.Seed!.Value, index, count, ResolveOutput);
            if (target is not null)
            {
                if (!ShouldProcess(target, "Write picture"))
                    continue;
                PrepareTarget(target);
            }

            string status = count == 1 ? string.Empty : string.Create(CultureInfo.CurrentCulture, $"picture {index + 1} of {count}, ");
            DiffusionImage image = UsePipeline(pipeline =>
            {
                embedding ??= EncodePrompt(pipeline, prompt, promptOptions);
                negative ??= NegativePrompt is null ? null : EncodePrompt(pipeline, NegativePrompt, promptOptions);
                Latent? start = initial is null ? null : Timed("VAE encoder", () => pipeline.EncodeImage(initial, own.Seed, own.Noise.RandomSource ?? default, CancellationToken));
                Latent latent = Denoise(pipeline, embedding, negative, start, own, status);
                return Timed("VAE decoder", () => pipeline.Decode(latent, CancellationToken));
            }, adapters);
            if (target is not null)
                Timed($"Writing '{target}'", () => ImageFile.Write(image, target, writing));
            WriteObject(NoMetadata ? Private(image) : image);
        }
    }

    /// <summary>The picture with the wish that no file of it says how it was made, which Export-DiffusionImage takes.</summary>
    private static PSObject Private(DiffusionImage image)
    {
        PSObject output = new(image);
        output.Properties.Add(new PSNoteProperty(nameof(NoMetadata), true));
        return output;
    }

    /// <summary>Draws the seeds that are not given, and checks that there are enough of them.</summary>
    private DenoiseOptions SettleSeeds(DenoiseOptions options, int count)
    {
        if (SharedGenerator && options.Noise.BatchSize is not null)
            throw new InvalidSettingException(nameof(SharedGenerator), "SharedGenerator makes a batch of its own. Leave it out, or BatchSize and BatchIndex.");
        if (SharedGenerator && count > NoiseOptions.HighestBatchSize)
            throw new InvalidSettingException(nameof(Count), $"Count is {count}, but no more than {NoiseOptions.HighestBatchSize} pictures can share a generator.");

        DenoiseOptions settled = options with { Seed = options.Seed ?? DiffusionPipeline.NewSeed() };
        if (options.Noise.VariationStrength > 0)
        {
            settled = settled with { Noise = options.Noise with { VariationSeed = options.Noise.VariationSeed ?? DiffusionPipeline.NewSeed() } };
            CheckSeeds(nameof(VariationSeed), settled.Noise.VariationSeed!.Value, count);
        }
        else if (!SharedGenerator)
        {
            CheckSeeds(nameof(Seed), settled.Seed!.Value, count);
        }

        return settled;
    }

    private static void CheckSeeds(string setting, long first, int count)
    {
        if (first > long.MaxValue - (count - 1))
            throw new InvalidSettingException(setting, $"The seed {first} leaves no {count} seeds up to {long.MaxValue}, one for each picture. Take a lower one.");
    }

    /// <remarks>As A1111: pictures that vary one seed keep it, and take the next variation seed each.</remarks>
    private DenoiseOptions OfPicture(DenoiseOptions options, int index, int count)
    {
        bool isVaried = options.Noise.VariationStrength > 0;
        NoiseOptions noise = options.Noise with { VariationSeed = options.Noise.VariationSeed + (isVaried ? index : 0) };
        return options with
        {
            Seed = options.Seed + (isVaried || SharedGenerator ? 0 : index),
            Noise = SharedGenerator ? noise with { BatchSize = count, BatchIndex = index } : noise,
        };
    }

    /// <summary>Finds out before the work begins, which may take minutes, that its result could not be kept.</summary>
    private void PrepareTarget(string target)
    {
        ImageFile.FormatOf(target);
        if (!string.IsNullOrEmpty(OutDirectory))
            OutputNames.CreateFolderOf(target);
        ImageFile.CheckTarget(target, Force);
    }
}
