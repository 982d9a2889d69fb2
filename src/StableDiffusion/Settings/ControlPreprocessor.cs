namespace StableDiffusion.Settings;

/// <summary>What is made of a picture before a ControlNet looks at it.</summary>
public enum ControlPreprocessor
{
    /// <summary>Nothing: the picture is what the ControlNet was trained on already.</summary>
    None,

    /// <summary>White lines where the picture's edges are, on black (Canny, 1986).</summary>
    Canny,

    /// <summary>The opposite of each value: dark strokes on white paper become white ones on black, for scribbles and line art.</summary>
    Invert,

    /// <summary>The picture as a quarter of its size would show it, for ControlNets that put details into a coarse picture.</summary>
    Tile,
}
