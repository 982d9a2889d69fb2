namespace StableDiffusion.Images;

/// <summary>The texts that an image file holds beside its pixels; an empty one is left out.</summary>
/// <param name="Infotext">What other tools read: a text chunk in PNG, and EXIF's user comment in JPEG and WebP.</param>
/// <param name="Record">What this module reads, without control characters: a text chunk in PNG, and XMP in JPEG and WebP. A JPEG file has no room for a long one, and then holds none.</param>
internal sealed record ImageTexts(string Infotext, string Record)
{
    /// <summary>The infotext's name in PNG, which A1111 and the tools that read its files look for.</summary>
    public const string InfotextName = "parameters";

    /// <summary>The record's name in PNG and in XMP.</summary>
    public const string RecordName = "sdpsGeneration";

    /// <summary>No texts.</summary>
    public static ImageTexts None { get; } = new(string.Empty, string.Empty);
}
