namespace StableDiffusion.Images;

/// <summary>The file formats that images can be written in.</summary>
public enum ImageFormat
{
    /// <summary>Portable Network Graphics, lossless.</summary>
    Png,

    /// <summary>JPEG, lossy.</summary>
    Jpeg,

    /// <summary>WebP, lossy or lossless.</summary>
    WebP,
}
