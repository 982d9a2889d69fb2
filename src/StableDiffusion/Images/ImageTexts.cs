namespace StableDiffusion.Images;

/// <summary>The texts of an image file; an empty one is omitted.</summary>
/// <param name="Infotext">The text that other tools read: a text chunk in PNG, and EXIF's user comment in JPEG and WebP.</param>
/// <param name="Record">The text that this library reads, without control characters: a text chunk in PNG, and XMP in JPEG and WebP. A JPEG file omits a record that is too long.</param>
internal sealed record ImageTexts(string Infotext, string Record)
{
    /// <summary>The keyword of the infotext in PNG, which A1111 and the tools that read its files look for.</summary>
    public const string InfotextName = "parameters";

    /// <summary>The keyword of the record in PNG, and its element in XMP.</summary>
    public const string RecordName = "sdpsGeneration";

    /// <summary>No texts.</summary>
    public static ImageTexts None { get; } = new(string.Empty, string.Empty);
}
