namespace StableDiffusion.Images;

/// <summary>The file formats that pictures are written in.</summary>
public enum ImageFormat
{
    /// <summary>Portable Network Graphics, lossless.</summary>
    Png,

    /// <summary>JPEG, lossy.</summary>
    Jpeg,

    /// <summary>WebP, lossy or lossless.</summary>
    WebP,
}
