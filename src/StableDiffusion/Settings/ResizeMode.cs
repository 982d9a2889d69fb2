namespace StableDiffusion.Settings;

/// <summary>How an image is brought to another size.</summary>
public enum ResizeMode
{
    /// <summary>Not at all: an image of another size is refused.</summary>
    None,

    /// <summary>To the new size, whatever becomes of the proportions.</summary>
    Stretch,

    /// <summary>In its proportions until it covers the new size; what reaches over is cut off evenly.</summary>
    Crop,

    /// <summary>In its proportions until it just fits into the new size; the rest stays black.</summary>
    Pad,
}
