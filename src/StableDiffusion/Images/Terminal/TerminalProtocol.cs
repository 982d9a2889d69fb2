namespace StableDiffusion.Images.Terminal;

/// <summary>How a terminal shows an image.</summary>
public enum TerminalProtocol
{
    /// <summary>As the terminal's environment says.</summary>
    Auto,

    /// <summary>SIXEL of DEC's terminals, with at most 256 colors.</summary>
    Sixel,

    /// <summary>The graphics protocol of kitty.</summary>
    Kitty,

    /// <summary>The inline images of iTerm2.</summary>
    ITerm2,

    /// <summary>Half blocks in 24-bit colors: a character for two pixels, one above the other.</summary>
    HalfBlock,

    /// <summary>Characters of ASCII that are more or less full, without colors.</summary>
    Ascii,

    /// <summary>Not at all.</summary>
    None,
}
