namespace StableDiffusion.Settings;

/// <summary>
/// The conditioning of SDXL's U-Net besides the prompt: the original size of the image, its crop, and its target size
/// or aesthetic score (Podell et al., arXiv 2307.01952, section 2.2). Null means diffusers' default.
/// </summary>
public sealed record MicroConditioning
{
    internal const double DefaultAestheticScore = 6.0;
    internal const double DefaultNegativeAestheticScore = 2.5;

    private const string Large = "Stable Diffusion XL";
    private const string Base = "Stable Diffusion XL without its refiner";
    private const string Refiner = "the refiner of Stable Diffusion XL";
    private const int HighestSize = 16384;
    private const int HighestScore = 100;

    /// <summary>The width in pixels of the image before it was resized; null means the image's own.</summary>
    [Setting(Key = "Original width", IsOwnKey = true, Families = Large, Minimum = 1, Maximum = HighestSize, DefaultOf = nameof(GenerationSettings.Width))]
    public int? OriginalWidth { get; init; }

    /// <summary>The height in pixels of the image before it was resized; null means the image's own.</summary>
    [Setting(Key = "Original height", IsOwnKey = true, Families = Large, Minimum = 1, Maximum = HighestSize, DefaultOf = nameof(GenerationSettings.Height))]
    public int? OriginalHeight { get; init; }

    /// <summary>The number of pixels cropped at the top; null means 0.</summary>
    [Setting(Key = "Crop top", IsOwnKey = true, Families = Large, Minimum = 0, Maximum = HighestSize, Default = 0)]
    public int? CropTop { get; init; }

    /// <summary>The number of pixels cropped at the left; null means 0.</summary>
    [Setting(Key = "Crop left", IsOwnKey = true, Families = Large, Minimum = 0, Maximum = HighestSize, Default = 0)]
    public int? CropLeft { get; init; }

    /// <summary>The width in pixels that the image was resized to; null means the image's own. Not used by the refiner.</summary>
    [Setting(Key = "Target width", IsOwnKey = true, Families = Base, Minimum = 1, Maximum = HighestSize, DefaultOf = nameof(GenerationSettings.Width))]
    public int? TargetWidth { get; init; }

    /// <summary>The height in pixels that the image was resized to; null means the image's own. Not used by the refiner.</summary>
    [Setting(Key = "Target height", IsOwnKey = true, Families = Base, Minimum = 1, Maximum = HighestSize, DefaultOf = nameof(GenerationSettings.Height))]
    public int? TargetHeight { get; init; }

    /// <summary>The aesthetic score for the prompt; null means 6. Used only by the refiner.</summary>
    [Setting(Key = "Aesthetic score", IsOwnKey = true, Families = Refiner, Minimum = 0, Maximum = HighestScore, Default = DefaultAestheticScore)]
    public double? AestheticScore { get; init; }

    /// <summary>The aesthetic score for the negative prompt; null means 2.5. Used only by the refiner.</summary>
    [Setting(Key = "Negative aesthetic score", IsOwnKey = true, Families = Refiner, Minimum = 0, Maximum = HighestScore, Default = DefaultNegativeAestheticScore)]
    public double? NegativeAestheticScore { get; init; }
}
