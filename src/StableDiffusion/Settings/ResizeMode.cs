namespace StableDiffusion.Settings;

/// <summary>How a picture is brought to another size.</summary>
public enum ResizeMode
{
    /// <summary>Not at all: a picture of another size is refused.</summary>
    None,

    /// <summary>To the new size, whatever becomes of the proportions.</summary>
    Stretch,

    /// <summary>In its proportions until it covers the new size; what reaches over is cut off evenly.</summary>
    Crop,

    /// <summary>In its proportions until it just fits into the new size; the rest stays black.</summary>
    Pad,
}
