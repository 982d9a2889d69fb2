using System.Text;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>Reads the comments of a GIF file.</summary>
internal static class GifTexts
{
    private static readonly byte[] s_mark = Encoding.ASCII.GetBytes(GifBlocks.RecordMark);

    /// <summary>Collects the texts.</summary>
    /// <param name="gif">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> gif, TextEntryList texts)
    {
        if (!GifBlocks.TryReadComments(gif, TextEntryList.MaxBytes, Add))
            texts.WarnBreakOff();

        // The record of an animation is a comment with a name; other comments have none.
        void Add(ReadOnlySpan<byte> comment)
        {
            bool isRecord = comment.StartsWith(s_mark);
            texts.Add("GIF", isRecord ? ImageTexts.RecordName : "Comment", isRecord ? comment[s_mark.Length..] : comment);
        }
    }
}
