namespace StableDiffusion.Metadata;

/// <summary>A text that a picture file holds beside its pixels.</summary>
/// <param name="Container">Where it lay: <c>tEXt</c>, <c>zTXt</c>, <c>iTXt</c>, <c>EXIF</c>, <c>XMP</c>, <c>JPEG</c> or <c>GIF</c>.</param>
/// <param name="Keyword">
/// Its name there: the chunk's keyword in PNG, the tag's name in EXIF, <c>Comment</c> for comments of JPEG and GIF.
/// </param>
/// <param name="Text">The text, decoded.</param>
public sealed record TextEntry(string Container, string Keyword, string Text);
