namespace StableDiffusion.Settings;

/// <summary>
/// The second pass of an image in high resolution, which A1111 calls Hires. fix: the denoised latent or its image is enlarged,
/// and denoised again. Null means the default, most often that of the first pass.
/// </summary>
public sealed record HiresSettings
{
    /// <summary>The default upscaler, which resizes the latent bilinearly.</summary>
    public const string DefaultUpscaler = "Latent";

    /// <summary>The default strength of the second pass, that of A1111's interface.</summary>
    public const double DefaultStrength = 0.7;

    /// <summary>The default overlap of tiles in pixels, that of A1111, if a tile is at least twice as long.</summary>
    public const int DefaultTileOverlap = 64;

    /// <summary>The factor that both sides of the image are multiplied by, above 1 and up to 16; they are rounded down to multiples of 8.</summary>
    [Setting(Key = "Hires upscale", Minimum = 1, ExcludesMinimum = true, Maximum = 16)]
    public double? HiresScale { get; init; }

    /// <summary>The width after the second pass in pixels, in place of a scale; without a height, the aspect ratio is kept.</summary>
    [Setting(Absent = [0], Minimum = 8, Maximum = 8192)]
    public int? HiresWidth { get; init; }

    /// <summary>The height after the second pass in pixels, in place of a scale; without a width, the aspect ratio is kept.</summary>
    [Setting(Absent = [0], Minimum = 8, Maximum = 8192)]
    public int? HiresHeight { get; init; }

    /// <summary>How the first pass is enlarged: as a latent, under A1111's names such as <c>Latent (nearest)</c>, or as an image, by an upscaler or a filter. Null means <see cref="DefaultUpscaler"/> or, with tiles, Lanczos.</summary>
    [Setting(Key = "Hires upscaler")]
    public string? HiresUpscaler { get; init; }

    /// <summary>The number of steps of the second pass, 1 to 1000, all of which are run; null means as many as the first pass.</summary>
    [Setting(Key = "Hires steps", Absent = [0], Minimum = 1, Maximum = 1000)]
    public int? HiresSteps { get; init; }

    /// <summary>How much noise is added before the second pass, above 0 and up to 1; null means 0.7.</summary>
    [Setting(Minimum = 0, ExcludesMinimum = true, Maximum = 1)]
    public double? HiresStrength { get; init; }

    /// <summary>The scheduler of the second pass; null means that of the first one.</summary>
    [Setting]
    public string? HiresScheduler { get; init; }

    /// <summary>The prompt of the second pass; null means that of the first one.</summary>
    [Setting(Key = "Hires prompt")]
    public string? HiresPrompt { get; init; }

    /// <summary>The negative prompt of the second pass; null means that of the first one.</summary>
    [Setting(Key = "Hires negative prompt")]
    public string? HiresNegativePrompt { get; init; }

    /// <summary>How strongly the prompt is followed in the second pass, 0 to 100; null means as in the first one.</summary>
    [Setting(Key = "Hires CFG Scale", Minimum = 0, Maximum = 100)]
    public double? HiresGuidanceScale { get; init; }

    /// <summary>
    /// The side in pixels of the tiles in which the enlarged image is made again, 32 to 8192, a multiple of 8; null for the whole
    /// image at once. A1111 calls that SD upscale.
    /// </summary>
    [Setting(Key = "Hires tile size", IsOwnKey = true, Minimum = 32, Maximum = 8192)]
    public int? HiresTileSize { get; init; }

    /// <summary>How much two tiles overlap at least, in pixels, 0 to half of a tile; null means 64, A1111's default, or half of a tile.</summary>
    [Setting(Key = "SD upscale overlap", Minimum = 0, Maximum = 4096)]
    public int? HiresTileOverlap { get; init; }
}
