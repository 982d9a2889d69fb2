namespace StableDiffusion.Settings;

/// <summary>Whether the autoencoder encodes and decodes an image in overlapping tiles, which takes less memory.</summary>
public enum VaeTiling
{
    /// <summary>In tiles if the image is large, or if there is not enough memory for it as a whole.</summary>
    Auto,

    /// <summary>In tiles if the image is larger than one.</summary>
    On,

    /// <summary>As a whole.</summary>
    Off,
}
