namespace StableDiffusion.Settings;

/// <summary>Which edges of an image meet without a seam when it is laid beside itself.</summary>
public enum Tiling
{
    /// <summary>None.</summary>
    None,

    /// <summary>The left and the right edge.</summary>
    X,

    /// <summary>The top and the bottom edge.</summary>
    Y,

    /// <summary>All edges.</summary>
    Both,
}
