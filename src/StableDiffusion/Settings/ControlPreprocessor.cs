namespace StableDiffusion.Settings;

/// <summary>The preprocessing of a control image.</summary>
public enum ControlPreprocessor
{
    /// <summary>None: the image already has the form that the ControlNet was trained on.</summary>
    None,

    /// <summary>The edges of the image, white on black (Canny, 1986).</summary>
    Canny,

    /// <summary>The inverted image: dark strokes on white become white strokes on black, for scribbles and line art.</summary>
    Invert,

    /// <summary>The image reduced to a quarter of its size and enlarged again, for ControlNets that add details.</summary>
    Tile,
}
