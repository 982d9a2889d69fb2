namespace StableDiffusion.Detecting;

/// <summary>How regions are sorted.</summary>
public enum RegionOrder
{
    /// <summary>The highest score first.</summary>
    Confidence,

    /// <summary>The largest box first.</summary>
    Area,

    /// <summary>From the left to the right.</summary>
    LeftToRight,

    /// <summary>From the center of the image to its edge.</summary>
    CenterToEdge,
}
