namespace StableDiffusion.Settings;

/// <summary>How an image is resized.</summary>
public enum ResizeMode
{
    /// <summary>Not resized: an image of another size is an error.</summary>
    None,

    /// <summary>Resized to the new size without keeping the aspect ratio.</summary>
    Stretch,

    /// <summary>Resized to cover the new size, keeping the aspect ratio; the excess is cropped evenly on both sides.</summary>
    Crop,

    /// <summary>Resized to fit into the new size, keeping the aspect ratio; the rest is black.</summary>
    Pad,

    /// <summary>As <see cref="Pad"/>, with the rest filled with the colors at the edges of the image.</summary>
    Fill,
}
