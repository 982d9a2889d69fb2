namespace StableDiffusion.Images.Animations;

/// <summary>The file formats that animations can be written in.</summary>
public enum AnimationFormat
{
    /// <summary>GIF, whose frames have up to 256 colors each.</summary>
    Gif,

    /// <summary>Animated PNG (APNG), lossless. Programs that do not know it show the first frame.</summary>
    Png,
}
