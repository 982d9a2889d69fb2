using StableDiffusion.Noise;
using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Settings;

/// <summary>
/// All settings of an image, and the only place where a setting is declared: its name, type, range, default and
/// key in other tools' texts. Null means the default, which may be the model's own. <see cref="SettingTable"/> lists them.
/// </summary>
public record GenerationSettings
{
    // That of models which start from noise alone is some thousands.
    private const double HighestSigma = 100_000;

    /// <summary>The prompt.</summary>
    [Setting]
    public string? Prompt { get; init; }

    /// <summary>The negative prompt.</summary>
    [Setting]
    public string? NegativePrompt { get; init; }

    /// <summary>The syntax of the prompts, as the name of a <see cref="Prompts.PromptSyntax"/>; null for plain text.</summary>
    [Setting(Default = nameof(Prompts.PromptSyntax.Plain))]
    public string? PromptSyntax { get; init; }

    /// <summary>How the weights in the prompts are applied, as the name of an <see cref="Prompts.EmphasisMode"/>; null for A1111's default.</summary>
    [Setting(Default = nameof(Prompts.EmphasisMode.Original))]
    public string? Emphasis { get; init; }

    /// <summary>The layer of the text encoder to use, counted from the last layer, which is 1.</summary>
    [Setting(Key = "Clip skip", Minimum = 1, Maximum = int.MaxValue, Default = 1)]
    public int? ClipSkip { get; init; }

    /// <summary>The seed of the noise, 0 or more; null or -1 means random. The same seed and settings give the same image.</summary>
    [Setting(Key = "Seed", Minimum = 0, IsSeed = true, IsOfStart = true)]
    public long? Seed { get; init; }

    /// <summary>The random number generator of the seed, as the name of a <see cref="Noise.RandomSource"/>; null for torch's on the CPU.</summary>
    [Setting(Default = nameof(Noise.RandomSource.TorchCpu), IsOfStart = true)]
    public string? RandomSource { get; init; }

    /// <summary>The seed of the noise that is blended into the initial noise, 0 or more; null or -1 means random.</summary>
    [Setting(Key = "Variation seed", Minimum = 0, IsSeed = true, IsOfStart = true)]
    public long? VariationSeed { get; init; }

    /// <summary>How much of the variation noise is blended into the initial noise: 0 is only the seed's noise, 1 only that of the variation seed.</summary>
    [Setting(Key = "Variation seed strength", Minimum = 0, Maximum = 1, IsOfStart = true)]
    public double? VariationStrength { get; init; }

    /// <summary>The width in pixels of the image whose initial noise is placed in the center of the noise; used with the height.</summary>
    [Setting(Absent = [0, -1], IsOfStart = true)]
    public int? SeedResizeWidth { get; init; }

    /// <summary>The height in pixels of the image whose initial noise is placed in the center of the noise; used with the width.</summary>
    [Setting(Absent = [0, -1], IsOfStart = true)]
    public int? SeedResizeHeight { get; init; }

    /// <summary>The number added to the seed for the noise of the steps (ENSD); at 0 the steps continue with the generator of the initial noise.</summary>
    [Setting(Key = "ENSD", Default = 0L, IsOfStart = true)]
    public long? EtaNoiseSeedDelta { get; init; }

    /// <summary>The number of images whose noise is drawn from one generator, up to 4096; used with the index.</summary>
    [Setting(Key = "Batch size", IsOwnKey = true, Minimum = 1, Maximum = NoiseOptions.HighestBatchSize, Default = 1, IsOfStart = true)]
    public int? BatchSize { get; init; }

    /// <summary>The index of this image among those images, from 0.</summary>
    [Setting(Key = "Batch pos", IsOwnKey = true, IsOfStart = true)]
    public int? BatchIndex { get; init; }

    /// <summary>The number of steps, 1 to 1000.</summary>
    [Setting(Key = "Steps", Minimum = 1, Maximum = 1000, IsOfStart = true)]
    public int? Steps { get; init; }

    /// <summary>The scheduler: a name or an alias in <see cref="Sampling.SchedulerCatalog"/>.</summary>
    [Setting(IsOfStart = true)]
    public string? Scheduler { get; init; }

    /// <summary>Options of the scheduler, which override those of the model, as JSON: an object with a member for each.</summary>
    [Setting(IsOfStart = true)]
    public string? SchedulerOptions { get; init; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no effect.</summary>
    [Setting(Key = "CFG scale", Minimum = 0, Maximum = 100)]
    public double? GuidanceScale { get; init; }

    /// <summary>How strongly a model that edits images follows the given image, 0 to 100; null means 1.5.</summary>
    [Setting(Key = "Image CFG scale", Minimum = 0, Maximum = 100)]
    public double? ImageGuidanceScale { get; init; }

    /// <summary>How far the guided noise prediction is rescaled to the standard deviation of the conditional one, 0 to 1.</summary>
    [Setting(Key = "CFG rescale", Minimum = 0, Maximum = 1, Default = 0.0)]
    public double? GuidanceRescale { get; init; }

    /// <summary>The part of the steps before guidance takes effect, 0 to 1; until then only the prompt has an effect, as at a scale of 1 (Kynkäänniemi et al., arXiv 2404.07724).</summary>
    [Setting(Key = "Guidance start", IsOwnKey = true, Minimum = 0, Maximum = 1, Default = 0.0)]
    public double? GuidanceStart { get; init; }

    /// <summary>The part of the steps after which guidance has no effect any more, 0 to 1, above the start; from then on only the prompt has one.</summary>
    [Setting(Key = "Guidance end", IsOwnKey = true, Minimum = 0, ExcludesMinimum = true, Maximum = 1, Default = 1.0)]
    public double? GuidanceEnd { get; init; }

    /// <summary>
    /// The noise level (sigma) down to which guidance takes effect, 0 to 100,000: calls of the U-Net at it or below have none
    /// (Kynkäänniemi et al., arXiv 2404.07724).
    /// </summary>
    [Setting(Minimum = 0, Maximum = HighestSigma, Default = 0.0)]
    public double? GuidanceSigmaMin { get; init; }

    /// <summary>The noise level (sigma) from which on guidance takes effect, above 0 and above the lowest, up to 100,000: calls of the U-Net above it have none. Null means all.</summary>
    [Setting(Key = "Guidance sigma max", IsOwnKey = true, Minimum = 0, ExcludesMinimum = true, Maximum = HighestSigma)]
    public double? GuidanceSigmaMax { get; init; }

    /// <summary>
    /// The whole U-Net runs only at every n-th step, 1 to 100; in between, its outer layers run with what the inner ones made
    /// last (DeepCache: Ma et al., arXiv 2312.00858). Null means 1, all steps.
    /// </summary>
    [Setting(Key = "Feature reuse", IsOwnKey = true, Minimum = 1, Maximum = 100, Default = 1)]
    public int? FeatureReuse { get; init; }

    /// <summary>How many layers of the first down block run in between, 0 to 2, and so many more of the last up block; null means 0, the fewest.</summary>
    [Setting(Key = "Feature reuse branch", IsOwnKey = true, Minimum = 0, Maximum = 2, Default = 0)]
    public int? FeatureReuseBranch { get; init; }

    /// <summary>The sizes, crops and scores that SDXL is conditioned on; null means the defaults.</summary>
    public MicroConditioning? MicroConditioning { get; init; }

    /// <summary>The second pass in high resolution; null for none.</summary>
    public HiresSettings? Hires { get; init; }

    /// <summary>The regions that are painted anew; null for none.</summary>
    public DetailSettings? Detail { get; init; }

    /// <summary>The edges of the image that meet without a seam when it is laid beside itself, as the name of a <see cref="Settings.Tiling"/>; null for none.</summary>
    [Setting(Default = nameof(Settings.Tiling.None))]
    public string? Tiling { get; init; }

    /// <summary>
    /// Whether the U-Net predicts in overlapping windows, for an image larger than those of the model's training, as the name of a
    /// <see cref="Sampling.DiffusionTiling"/>; null for the whole latent at once. Null in a record if one window was enough.
    /// </summary>
    [Setting(Default = nameof(Sampling.DiffusionTiling.None))]
    public string? DiffusionTiling { get; init; }

    /// <summary>The longest side of such a window in pixels, 32 to 8192, rounded down to whole latent cells; null means the model's default size.</summary>
    [Setting(Minimum = 32, Maximum = 8192)]
    public int? DiffusionTileSize { get; init; }

    /// <summary>How much two windows overlap at least, in pixels, less than their side; rounded down to whole latent cells. Null means half of the side.</summary>
    [Setting(Minimum = 0, Maximum = 8192)]
    public int? DiffusionTileOverlap { get; init; }

    /// <summary>How much noise is added to the image to start from, above 0 and up to 1.</summary>
    [Setting(Minimum = 0, ExcludesMinimum = true, Maximum = 1, IsOfStart = true)]
    public double? Strength { get; init; }

    /// <summary>How many steps the strength stands for, as the name of a <see cref="Sampling.StrengthRule"/>; null for the scheduler's own rule.</summary>
    [Setting(Key = "Strength rule", IsOwnKey = true, IsOfStart = true)]
    public string? StrengthRule { get; init; }

    /// <summary>How the kept part of an image is blended in, as the name of an <see cref="Settings.InpaintMode"/>; null means diffusers' rule.</summary>
    [Setting(Key = "Inpaint mode", IsOwnKey = true, Default = nameof(Settings.InpaintMode.Diffusers), IsOfStart = true)]
    public string? InpaintMode { get; init; }

    /// <summary>Of soft inpainting: the power of the noise level in the mask's exponent, 0 to 8; below 1 late steps keep more, above 1 early ones.</summary>
    [Setting(Minimum = 0, Maximum = 8, Default = 1.0, IsOfStart = true)]
    public double? SoftScheduleBias { get; init; }

    /// <summary>Of soft inpainting: the factor of the mask's exponent, 0 to 8; with more, gray parts of the mask keep more.</summary>
    [Setting(Minimum = 0, Maximum = 8, Default = 0.5, IsOfStart = true)]
    public double? SoftPreservationStrength { get; init; }

    /// <summary>Of soft inpainting: the exponent with which the lengths of blended latents are averaged, 1 to 32; with more, the blend has more contrast.</summary>
    [Setting(Minimum = 1, Maximum = 32, Default = 4.0, IsOfStart = true)]
    public double? SoftContrastBoost { get; init; }

    /// <summary>Of soft inpainting: how far the mask decides where the image is pasted back, 0 to 1; at 0, only the difference that the denoising made does.</summary>
    [Setting(Minimum = 0, Maximum = 1, Default = 0.0, IsOfStart = true)]
    public double? SoftMaskInfluence { get; init; }

    /// <summary>Of soft inpainting: the difference of latents at which half of the image is pasted back, 0 to 8.</summary>
    [Setting(Minimum = 0, Maximum = 8, Default = 0.5, IsOfStart = true)]
    public double? SoftDifferenceThreshold { get; init; }

    /// <summary>Of soft inpainting: how sharp the limit is between what is pasted back and what is not, 0 to 8.</summary>
    [Setting(Minimum = 0, Maximum = 8, Default = 2.0, IsOfStart = true)]
    public double? SoftDifferenceContrast { get; init; }

    /// <summary>Of differential diffusion: how far a gray value says from when on its pixel is repainted, above 0 and up to 1; the rest of it is a share in each step.</summary>
    [Setting(Key = "Differential strength", IsOwnKey = true, Minimum = 0, ExcludesMinimum = true, Maximum = 1, Default = 1.0, IsOfStart = true)]
    public double? DifferentialStrength { get; init; }

    /// <summary>Whether gray values of the mask are shares in A1111's mode, and not rounded to black and white.</summary>
    [Setting(Key = "No mask rounding", IsOwnKey = true, Default = false, IsOfStart = true)]
    public bool? NoMaskRounding { get; init; }

    /// <summary>The standard deviation in pixels, 0 to 256, of the Gaussian that the mask is blurred with.</summary>
    [Setting(Key = "Mask blur", Minimum = 0, Maximum = 256, Default = 0, IsOfStart = true)]
    public int? MaskBlur { get; init; }

    /// <summary>Whether black is repainted and white is kept.</summary>
    [Setting(Default = false, IsOfStart = true)]
    public bool? MaskInvert { get; init; }

    /// <summary>What is in the repainted part before noise is added, as the name of a <see cref="Settings.MaskFill"/>; null means the image itself.</summary>
    [Setting(Default = nameof(Settings.MaskFill.Original), IsOfStart = true)]
    public string? MaskFill { get; init; }

    /// <summary>Whether only the region around the mask is made, at the size that was asked for, and pasted back.</summary>
    [Setting(Default = false, IsOfStart = true)]
    public bool? MaskedOnly { get; init; }

    /// <summary>How many pixels of the image around the mask are in that region, 0 or more; null means 32.</summary>
    [Setting(Key = "Masked area padding", Minimum = 0, Maximum = int.MaxValue, IsOfStart = true)]
    public int? MaskPadding { get; init; }

    /// <summary>Whether the kept part of the image is as the autoencoder decodes it, and not pasted back from the image itself.</summary>
    [Setting(Key = "No paste back", IsOwnKey = true, Default = false, IsOfStart = true)]
    public bool? NoPasteBack { get; init; }

    /// <summary>How the image to start from is resized, as the name of a <see cref="Settings.ResizeMode"/>; null in a record if it was not resized.</summary>
    [Setting(IsOfStart = true)]
    public string? ResizeMode { get; init; }

    /// <summary>The color behind the pixels of the image to start from that are not opaque: a name of CSS, or the digits of red, green and blue; null means white.</summary>
    [Setting(Key = "Background", IsOwnKey = true, IsOfStart = true)]
    public string? Background { get; init; }

    /// <summary>The image's width in pixels, a multiple of 8; that of the latent if one is given.</summary>
    [Setting(IsOfStart = true)]
    public int? Width { get; init; }

    /// <summary>The image's height in pixels, a multiple of 8; that of the latent if one is given.</summary>
    [Setting(IsOfStart = true)]
    public int? Height { get; init; }

    /// <summary>The name of the autoencoder (VAE) that is used in place of the model's own, or its path; null for the model's own.</summary>
    [Setting(Key = "VAE", IsOwnKey = true, IsOfStart = true)]
    public string? Vae { get; init; }

    /// <summary>
    /// Whether the autoencoder works in tiles, as the name of a <see cref="Settings.VaeTiling"/>; null means Auto. In a record,
    /// On if it did, and Off if it did not although Auto would have; null if it did not.
    /// </summary>
    [Setting(Key = "VAE tiling", IsOwnKey = true, Default = nameof(Settings.VaeTiling.Auto), IsOfStart = true)]
    public string? VaeTiling { get; init; }

    /// <summary>The longest side of a tile of the autoencoder in pixels, 32 to 8192; null means the model's default.</summary>
    [Setting(Key = "VAE tile size", IsOwnKey = true, Minimum = 32, Maximum = 8192, IsOfStart = true)]
    public int? VaeTileSize { get; init; }

    /// <summary>The model's name.</summary>
    [Setting(Key = "Model", IsOfStart = true)]
    public string? Model { get; init; }

    /// <summary>The model that goes on with the denoising from a part of it on; null for none.</summary>
    [Setting(Key = "Refiner")]
    public string? Refiner { get; init; }

    /// <summary>The part of the denoising after which the refiner goes on, above 0 and up to 1; null means 0.8.</summary>
    [Setting(Key = "Refiner switch at", Minimum = 0, ExcludesMinimum = true, Maximum = 1)]
    public double? RefinerSwitchAt { get; init; }

    /// <summary>Whether that part is one of the steps, and not of the timesteps of the training.</summary>
    [Setting(Key = "Refiner switch by sampling steps", Default = false)]
    public bool? RefinerSwitchBySteps { get; init; }

    /// <summary>How the refiner goes on, as the name of a <see cref="Settings.RefinerMode"/>; null for diffusers' way.</summary>
    [Setting(Key = "Refiner mode", IsOwnKey = true, Default = nameof(Settings.RefinerMode.Diffusers))]
    public string? RefinerMode { get; init; }

    /// <summary>The LoRAs with their strengths, as a JSON list of strings such as <c>style:0.8</c>; null for none.</summary>
    [Setting]
    public string? Lora { get; init; }

    /// <summary>The textual inversion embeddings that the prompts can use, as a JSON list of names or paths; null for none.</summary>
    [Setting]
    public string? TextualInversion { get; init; }

    /// <summary>The edges that meet.</summary>
    /// <exception cref="InvalidSettingException">There is no such tiling.</exception>
    internal Tiling ToTiling() => EnumSetting.Parse(nameof(Tiling), Tiling, default(Tiling));

    /// <summary>The settings of the noise.</summary>
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
