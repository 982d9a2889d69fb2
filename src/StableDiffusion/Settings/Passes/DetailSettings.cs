namespace StableDiffusion.Settings.Passes;

/// <summary>
/// The regions of an image that are found by a detector and painted anew after all other passes, as the extension ADetailer of A1111
/// does it. Null means the default.
/// </summary>
public sealed record DetailSettings
{
    /// <summary>The detector that finds the regions: a name in the store, the path of its file, or the one that ships with the engine. Null paints nothing anew.</summary>
    [Setting(Key = "ADetailer model")]
    public string? Detailer { get; init; }

    /// <summary>What the regions show: one prompt, or one for each region with <c>[SEP]</c> between them, the last one for all further regions; <c>[SKIP]</c> leaves a region as it is, and an empty one means that of the image. Null means that of the image.</summary>
    [Setting(Key = "ADetailer prompt")]
    public string? DetailPrompt { get; init; }

    /// <summary>What the regions do not show, as <see cref="DetailPrompt"/>; null means the negative prompt of the image.</summary>
    [Setting(Key = "ADetailer negative prompt")]
    public string? DetailNegativePrompt { get; init; }

    /// <summary>The lowest score of a region, 0 to 1; null means 0.3.</summary>
    [Setting(Key = "ADetailer confidence", Minimum = 0, Maximum = 1)]
    public double? DetailConfidence { get; init; }

    /// <summary>How many regions are painted, the largest ones, 1 to 300; null means all.</summary>
    [Setting(Key = "ADetailer mask only top k largest", Absent = [0], Minimum = 1, Maximum = 300)]
    public int? DetailFirst { get; init; }

    /// <summary>By how many pixels a region grows, -4096 to 4096; below 0 it shrinks. Null means 4.</summary>
    [Setting(Key = "ADetailer dilate erode", Minimum = -4096, Maximum = 4096)]
    public int? DetailDilation { get; init; }

    /// <summary>The standard deviation of the blur of the edge of a region in pixels, 0 to 256; null means 4.</summary>
    [Setting(Key = "ADetailer mask blur", Minimum = 0, Maximum = 256)]
    public int? DetailMaskBlur { get; init; }

    /// <summary>How many pixels around a region are made with it, 0 to 8192; null means 32.</summary>
    [Setting(Key = "ADetailer inpaint padding", Minimum = 0, Maximum = 8192)]
    public int? DetailPadding { get; init; }

    /// <summary>How much noise is added to a region, above 0 and up to 1; null means 0.4.</summary>
    [Setting(Key = "ADetailer denoising strength", Minimum = 0, ExcludesMinimum = true, Maximum = 1)]
    public double? DetailStrength { get; init; }

    /// <summary>The number of steps of a region, 1 to 1000, of which the strength chooses the last ones; null means that of the image.</summary>
    [Setting(Key = "ADetailer steps", Absent = [0], Minimum = 1, Maximum = 1000)]
    public int? DetailSteps { get; init; }

    /// <summary>How strongly the prompt of a region is followed, 0 to 100; null means as in the image.</summary>
    [Setting(Key = "ADetailer CFG scale", Minimum = 0, Maximum = 100)]
    public double? DetailGuidanceScale { get; init; }

    /// <summary>The scheduler of the regions; null means that of the image.</summary>
    [Setting]
    public string? DetailScheduler { get; init; }

    /// <summary>The width in pixels that a region is made at, 8 to 8192; null means that of the model.</summary>
    [Setting(Key = "ADetailer inpaint width", Minimum = 8, Maximum = 8192)]
    public int? DetailWidth { get; init; }

    /// <summary>The height in pixels that a region is made at, 8 to 8192; null means that of the model.</summary>
    [Setting(Key = "ADetailer inpaint height", Minimum = 8, Maximum = 8192)]
    public int? DetailHeight { get; init; }
}
