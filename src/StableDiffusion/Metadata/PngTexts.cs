using System.Text;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reads the texts of a PNG file, also of a damaged one, and within limits, which the image library does not support.
/// Source: ISO/IEC 15948, section 11.3.4; eXIf of its third edition.
/// </summary>
internal static class PngTexts
{
    private const int MaxKeyword = 79;

    /// <summary>Collects the texts.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> png, TextEntryList texts)
    {
        ReadOnlySpan<byte> rest = PngChunk.All(png);
        while (PngChunk.TryTake(ref rest, out PngChunk chunk))
        {
            if (chunk.Type.SequenceEqual("IEND"u8))
                return;

            if (chunk.Type.SequenceEqual("eXIf"u8))
                ExifTexts.Read(chunk.Data, texts);
            else if (chunk.Type.SequenceEqual("tEXt"u8) || chunk.Type.SequenceEqual("zTXt"u8) || chunk.Type.SequenceEqual("iTXt"u8))
                ReadText(chunk, texts);
        }

        texts.WarnBreakOff();
    }

    private static void ReadText(PngChunk chunk, TextEntryList texts)
    {
        string container = Encoding.ASCII.GetString(chunk.Type);
        ReadOnlySpan<byte> data = chunk.Data;
        int end = data[..Math.Min(data.Length, MaxKeyword + 1)].IndexOf((byte)0);
        if (end <= 0)
        {
            texts.Warn($"A text without a keyword ({container}) was ignored.");
            return;
        }

        string keyword = Encoding.Latin1.GetString(data[..end]);
        if (!chunk.IsIntact)
            texts.Warn($"The text '{keyword}' ({container}) has a wrong checksum; it may be damaged.");

        ReadOnlySpan<byte> body = data[(end + 1)..];
        if (container == "tEXt")
        {
            texts.Add(container, keyword, body);
            return;
        }

        // zTXt: method. iTXt: flag, method, language, translated keyword; a zero byte ends each of the last two.
        bool isDeflated = container == "zTXt" || body is [1, ..];
        bool isKnown = container == "zTXt" ? body is [0, ..] : body is [0, _, ..] or [1, 0, ..];
        ReadOnlySpan<byte> text = isKnown ? body[1..] : default;
        for (int i = 0; isKnown && container == "iTXt" && i < 2; i++)
        {
            text = i == 0 ? text[1..] : text;
            int zero = text.IndexOf((byte)0);
            isKnown = zero >= 0;
            text = text[(zero + 1)..];
        }

        if (!isKnown)
            texts.Warn($"The text '{keyword}' ({container}) is damaged and was ignored.");
        else if (isDeflated)
            texts.AddDeflated(container, keyword, text);
        else
            texts.Add(container, keyword, text);
    }
}
