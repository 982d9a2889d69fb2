namespace StableDiffusion.Settings;

/// <summary>What is made of an image before a ControlNet looks at it.</summary>
public enum ControlPreprocessor
{
    /// <summary>Nothing: the image is what the ControlNet was trained on already.</summary>
    None,

    /// <summary>White lines where the image's edges are, on black (Canny, 1986).</summary>
    Canny,

    /// <summary>The opposite of each value: dark strokes on white paper become white ones on black, for scribbles and line art.</summary>
    Invert,

    /// <summary>The image as a quarter of its size would show it, for ControlNets that put details into a coarse image.</summary>
    Tile,
}
