using StableDiffusion.Noise;

namespace StableDiffusion.Settings;

/// <summary>
/// Everything that an image depends on, and the one place where a setting is declared: its name, type, range, default and
/// key in other tools' texts. Null means the default, which may be the model's own. <see cref="SettingTable"/> lists them.
/// </summary>
public record GenerationSettings
{
    /// <summary>The text of what to show.</summary>
    [Setting]
    public string? Prompt { get; init; }

    /// <summary>The text of what not to show.</summary>
    [Setting]
    public string? NegativePrompt { get; init; }

    /// <summary>The syntax of the prompts, by the name of a <see cref="Prompts.PromptSyntax"/>; null for plain text.</summary>
    [Setting(Default = nameof(Prompts.PromptSyntax.Plain))]
    public string? PromptSyntax { get; init; }

    /// <summary>What weights in the prompts do, by the name of an <see cref="Prompts.EmphasisMode"/>; null for A1111's default.</summary>
    [Setting(Default = nameof(Prompts.EmphasisMode.Original))]
    public string? Emphasis { get; init; }

    /// <summary>The layer of the text encoder to use, counted from the last one, 1.</summary>
    [Setting(Key = "Clip skip", Minimum = 1, Maximum = int.MaxValue, Default = 1)]
    public int? ClipSkip { get; init; }

    /// <summary>The seed of the noise, 0 or more; drawn at random where it is null. The same seed and settings give the same image.</summary>
    [Setting(Key = "Seed", Minimum = 0, Absent = [-1], IsOfStart = true)]
    public long? Seed { get; init; }

    /// <summary>The random number generator of the seed, by the name of a <see cref="Noise.RandomSource"/>; null for torch's on the CPU.</summary>
    [Setting(Default = nameof(Noise.RandomSource.TorchCpu), IsOfStart = true)]
    public string? RandomSource { get; init; }

    /// <summary>The seed of the noise that the start noise is turned towards, 0 or more; drawn at random where it is null.</summary>
    [Setting(Key = "Variation seed", Minimum = 0, Absent = [-1], IsOfStart = true)]
    public long? VariationSeed { get; init; }

    /// <summary>How far the start noise is turned: 0 is the seed's noise alone, 1 that of the variation seed.</summary>
    [Setting(Key = "Variation seed strength", Minimum = 0, Maximum = 1, IsOfStart = true)]
    public double? VariationStrength { get; init; }

    /// <summary>The width in pixels of the image whose start noise is placed in the middle of this one's; goes with the height.</summary>
    [Setting(Absent = [0, -1], IsOfStart = true)]
    public int? SeedResizeWidth { get; init; }

    /// <summary>The height in pixels of the image whose start noise is placed in the middle of this one's; goes with the width.</summary>
    [Setting(Absent = [0, -1], IsOfStart = true)]
    public int? SeedResizeHeight { get; init; }

    /// <summary>What is added to the seed for the noise of the steps (ENSD); at 0 the steps continue with the start noise's generator.</summary>
    [Setting(Key = "ENSD", Default = 0L, IsOfStart = true)]
    public long? EtaNoiseSeedDelta { get; init; }

    /// <summary>How many images draw from one generator, up to 4096; goes with the index.</summary>
    [Setting(Key = "Batch size", IsOwnKey = true, Minimum = 1, Maximum = NoiseOptions.HighestBatchSize, Default = 1, IsOfStart = true)]
    public int? BatchSize { get; init; }

    /// <summary>Which of those images this one is, counted from 0.</summary>
    [Setting(Key = "Batch pos", IsOwnKey = true, IsOfStart = true)]
    public int? BatchIndex { get; init; }

    /// <summary>How many steps, 1 to 1000.</summary>
    [Setting(Key = "Steps", Minimum = 1, Maximum = 1000, IsOfStart = true)]
    public int? Steps { get; init; }

    /// <summary>The scheduler's name, any that <see cref="Sampling.SchedulerCatalog"/> knows.</summary>
    [Setting(IsOfStart = true)]
    public string? Scheduler { get; init; }

    /// <summary>Options of the scheduler over those of the model, as JSON: an object with a member for each.</summary>
    [Setting(IsOfStart = true)]
    public string? SchedulerOptions { get; init; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no part.</summary>
    [Setting(Key = "CFG scale", Minimum = 0, Maximum = 100)]
    public double? GuidanceScale { get; init; }

    /// <summary>How strongly a model that edits images follows the given image, 0 to 100; 1.5 where it is null.</summary>
    [Setting(Key = "Image CFG scale", Minimum = 0, Maximum = 100)]
    public double? ImageGuidanceScale { get; init; }

    /// <summary>How far the guided prediction's standard deviation is drawn back to the unguided one's, 0 to 1.</summary>
    [Setting(Key = "CFG rescale", Minimum = 0, Maximum = 1, Default = 0.0)]
    public double? GuidanceRescale { get; init; }

    /// <summary>The part of the steps before guidance takes effect, 0 to 1; until then the prompt alone counts, as at a scale of 1 (Kynkäänniemi et al., arXiv 2404.07724).</summary>
    [Setting(Key = "Guidance start", IsOwnKey = true, Minimum = 0, Maximum = 1, Default = 0.0)]
    public double? GuidanceStart { get; init; }

    /// <summary>The sizes, crops and scores that SDXL is conditioned on; null for the defaults.</summary>
    public MicroConditioning? MicroConditioning { get; init; }

    /// <summary>How far a given image is noised before denoising, above 0 and up to 1.</summary>
    [Setting(Minimum = 0, Maximum = 1, IsOfStart = true)]
    public double? Strength { get; init; }

    /// <summary>How a given image is brought to the size, by the name of a <see cref="Settings.ResizeMode"/>; null in a record where it had that size.</summary>
    [Setting(IsOfStart = true)]
    public string? ResizeMode { get; init; }

    /// <summary>The image's width in pixels, a multiple of 8; that of the latent where one is given.</summary>
    [Setting(IsOfStart = true)]
    public int? Width { get; init; }

    /// <summary>The image's height in pixels, a multiple of 8; that of the latent where one is given.</summary>
    [Setting(IsOfStart = true)]
    public int? Height { get; init; }

    /// <summary>The model's name.</summary>
    [Setting(Key = "Model", IsOfStart = true)]
    public string? Model { get; init; }

    /// <summary>The LoRAs with their strengths, as a list in JSON of texts such as <c>style:0.8</c>; null for none.</summary>
    [Setting]
    public string? Lora { get; init; }

    /// <summary>The textual inversion embeddings that the prompts may use, as a list in JSON of names or paths; null for none.</summary>
    [Setting]
    public string? TextualInversion { get; init; }

    /// <summary>The settings of the noise by themselves.</summary>
    /// <exception cref="InvalidSettingException">There is no such random source.</exception>
    internal NoiseOptions ToNoise() => new()
    {
        RandomSource = EnumSetting.ParseOrNull<Noise.RandomSource>(nameof(RandomSource), RandomSource),
        VariationSeed = VariationSeed,
        VariationStrength = VariationStrength,
        SeedResizeWidth = SeedResizeWidth,
        SeedResizeHeight = SeedResizeHeight,
        EtaNoiseSeedDelta = EtaNoiseSeedDelta,
        BatchSize = BatchSize,
        BatchIndex = BatchIndex,
    };
}
