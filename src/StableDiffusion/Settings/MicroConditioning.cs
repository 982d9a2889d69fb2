namespace StableDiffusion.Settings;

/// <summary>
/// What SDXL's U-Net is told of the picture besides the prompt: how large it was, where it was cut out, and how large or
/// how good it is (Podell et al., arXiv 2307.01952, section 2.2). What is null is what diffusers takes.
/// </summary>
public sealed record MicroConditioning
{
    /// <summary>The width in pixels that the picture had before it was brought to its size; its own where it is null.</summary>
    public int? OriginalWidth { get; init; }

    /// <summary>The height in pixels that the picture had before it was brought to its size; its own where it is null.</summary>
    public int? OriginalHeight { get; init; }

    /// <summary>How many pixels were cut off above it; 0 where it is null.</summary>
    public int? CropTop { get; init; }

    /// <summary>How many pixels were cut off to its left; 0 where it is null.</summary>
    public int? CropLeft { get; init; }

    /// <summary>The width in pixels that it was brought to; its own where it is null. The refiner is not told.</summary>
    public int? TargetWidth { get; init; }

    /// <summary>The height in pixels that it was brought to; its own where it is null. The refiner is not told.</summary>
    public int? TargetHeight { get; init; }

    /// <summary>How good the picture is that the prompt asks for; 6 where it is null. The refiner alone is told.</summary>
    public double? AestheticScore { get; init; }

    /// <summary>How good the picture is that the negative prompt asks for; 2.5 where it is null. The refiner alone is told.</summary>
    public double? NegativeAestheticScore { get; init; }
}
