namespace StableDiffusion.Metadata;

/// <summary>A text in an image file.</summary>
/// <param name="Container">Its container: <c>tEXt</c>, <c>zTXt</c>, <c>iTXt</c>, <c>EXIF</c>, <c>XMP</c>, <c>JPEG</c> or <c>GIF</c>.</param>
/// <param name="Keyword">
/// Its name in the container: the chunk's keyword in PNG, the tag's name in EXIF, <c>Comment</c> for comments of JPEG and GIF.
/// </param>
/// <param name="Text">The text, decoded.</param>
public sealed record TextEntry(string Container, string Keyword, string Text)
{
    /// <summary>The text after its name, as one line of printable text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => PrintableText.Of($"{Container} {Keyword}: {Text}");
}
