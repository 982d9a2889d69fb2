namespace StableDiffusion.Settings;

/// <summary>How the values of a decoded image become bytes.</summary>
public enum ByteRounding
{
    /// <summary>The nearest byte, as in diffusers.</summary>
    Nearest,

    /// <summary>The next lower byte, as in A1111.</summary>
    Down,
}
