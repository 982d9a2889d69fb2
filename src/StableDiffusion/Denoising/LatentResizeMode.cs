namespace StableDiffusion.Denoising;

/// <summary>How the values between those of a latent are found when it is resized.</summary>
public enum LatentResizeMode
{
    /// <summary>A line between the two nearest, along each axis.</summary>
    Bilinear,

    /// <summary>A cubic through the four nearest, along each axis.</summary>
    Bicubic,

    /// <summary>The cell that the corner of the new cell lies in.</summary>
    Nearest,

    /// <summary>The cell that the center of the new cell lies in.</summary>
    NearestExact,

    /// <summary>An arc between the two nearest, of all channels together, along each axis. Unlike a line, it keeps the length of the values.</summary>
    Bislerp,
}
