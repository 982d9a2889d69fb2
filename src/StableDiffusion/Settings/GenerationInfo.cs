namespace StableDiffusion.Settings;

/// <summary>What made a latent or a picture; null where it is not known.</summary>
public sealed record GenerationInfo
{
    /// <summary>The text of what to show.</summary>
    public string? Prompt { get; init; }

    /// <summary>The text of what not to show.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>Whose syntax the prompts are in, by the name of a <see cref="Prompts.PromptSyntax"/>; null for plain text.</summary>
    public string? PromptSyntax { get; init; }

    /// <summary>What weights in the prompts do, by the name of an <see cref="Prompts.EmphasisMode"/>; null for A1111's own way.</summary>
    public string? Emphasis { get; init; }

    /// <summary>The layer of the text encoder that was used, counted from the last one; null for the last one, 1.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>The seed of the noise.</summary>
    public long? Seed { get; init; }

    /// <summary>Whose random numbers the seed stands for, by the name of a <see cref="Noise.RandomSource"/>; null for torch's on the CPU.</summary>
    public string? RandomSource { get; init; }

    /// <summary>The seed that the start noise was turned towards; null where it was not.</summary>
    public long? VariationSeed { get; init; }

    /// <summary>How far the start noise was turned, 0 to 1; null where it was not.</summary>
    public double? VariationStrength { get; init; }

    /// <summary>The width in pixels that the start noise was drawn for; null for the picture's own size.</summary>
    public int? SeedResizeWidth { get; init; }

    /// <summary>The height in pixels that the start noise was drawn for; null for the picture's own size.</summary>
    public int? SeedResizeHeight { get; init; }

    /// <summary>What was added to the seed for the noise of the steps; null for nothing.</summary>
    public long? EtaNoiseSeedDelta { get; init; }

    /// <summary>How many pictures drew from the seed's generator; null for this one alone.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Which of those pictures it is, counted from 0; null where it drew alone.</summary>
    public int? BatchIndex { get; init; }

    /// <summary>How many steps the denoising took, or would take from the start.</summary>
    public int? Steps { get; init; }

    /// <summary>The scheduler's name.</summary>
    public string? Scheduler { get; init; }

    /// <summary>The options of the scheduler that were given, as JSON; null where there were none.</summary>
    public string? SchedulerOptions { get; init; }

    /// <summary>The guidance scale.</summary>
    public double? GuidanceScale { get; init; }

    /// <summary>The image guidance scale of a model that edits a picture; null for others.</summary>
    public double? ImageGuidanceScale { get; init; }

    /// <summary>The guidance rescale, 0 to 1.</summary>
    public double? GuidanceRescale { get; init; }

    /// <summary>What SDXL was told of the picture besides the prompt, without what is the default; null where all was.</summary>
    public MicroConditioning? MicroConditioning { get; init; }

    /// <summary>How far a given picture was noised before denoising, 0 to 1.</summary>
    public double? Strength { get; init; }

    /// <summary>How a given image was brought to this one's size, by the name of an <see cref="Settings.ResizeMode"/>; null where it had that size.</summary>
    public string? ResizeMode { get; init; }

    /// <summary>The ControlNets that took part; null where there were none.</summary>
    public IReadOnlyList<ControlNetInfo>? ControlNets { get; init; }

    /// <summary>The picture's width in pixels.</summary>
    public int? Width { get; init; }

    /// <summary>The picture's height in pixels.</summary>
    public int? Height { get; init; }

    /// <summary>The model's name.</summary>
    public string? Model { get; init; }

    /// <summary>The LoRAs with their strengths, as a list in JSON of texts such as <c>style:0.8</c>; null where there were none.</summary>
    public string? Lora { get; init; }

    /// <summary>The LoRAs' names with the hashes that A1111 has for them; null where there were none.</summary>
    public string? LoraHashes { get; init; }

    /// <summary>The textual inversion embeddings that the prompts might use, as a list in JSON of names or paths; null where there were none.</summary>
    public string? TextualInversion { get; init; }

    /// <summary>Their names with the hashes that A1111 has for them; null where there were none.</summary>
    public string? TextualInversionHashes { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of the model's U-Net weights.</summary>
    public string? ModelHash { get; init; }
}
