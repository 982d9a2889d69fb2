namespace StableDiffusion.Settings;

/// <summary>The ways to resize an image that need no network.</summary>
public enum ResampleFilter
{
    /// <summary>The three-lobed Lanczos filter.</summary>
    Lanczos,

    /// <summary>The bicubic filter with the slope -0.5.</summary>
    Bicubic,

    /// <summary>The nearest pixel, which keeps hard edges.</summary>
    Nearest,
}
