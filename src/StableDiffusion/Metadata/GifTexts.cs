using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>Reads the comments of a GIF file.</summary>
internal static class GifTexts
{
    /// <summary>Collects the texts.</summary>
    /// <param name="gif">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> gif, TextEntryList texts)
    {
        if (!GifBlocks.TryReadComments(gif, TextEntryList.MaxBytes, comment => texts.Add("GIF", "Comment", comment)))
            texts.WarnBreakOff();
    }
}
