using System.Text;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reads the texts of an EXIF block: the user comment, which A1111 uses, and the tags that contain ComfyUI's graphs. The
/// image library reads all comments as little-endian and so loses characters of big-endian ones. Source: Exif 2.32 (CIPA DC-008), sections 4.6.4 and 4.6.5; ComfyUI's saver of animated WebP files.
/// </summary>
internal static class ExifTexts
{
    // The first eight bytes of a user comment name its encoding.
    private const int CodeSize = 8;

    private const ushort ExifDirectoryTag = 0x8769;
    private const ushort UserCommentTag = 0x9286;

    private static readonly (ushort Tag, string Name)[] s_textTags = [(0x010E, "ImageDescription"), (0x010F, "Make"), (0x0110, "Model"), (0x0131, "Software")];

    /// <summary>Collects the texts.</summary>
    /// <param name="block">The block, with or without its identifier.</param>
    /// <param name="texts">Receives the texts.</param>
    public static void Read(ReadOnlySpan<byte> block, TextEntryList texts)
    {
        if (!TiffBlock.TryOpen(ExifComment.WithoutMark(block), out TiffBlock exif))
        {
            texts.Warn("The EXIF block is damaged and was ignored.");
            return;
        }

        foreach ((ushort tag, string name) in s_textTags)
        {
            ReadOnlySpan<byte> text = exif.Find(exif.FirstDirectory, tag);
            int end = text.IndexOf((byte)0);
            text = end < 0 ? text : text[..end];
            if (!text.IsEmpty)
                texts.Add("EXIF", name, text);
        }

        if (exif.FindNumbers(exif.FirstDirectory, ExifDirectoryTag) is not [uint directory, ..])
            return;

        ReadOnlySpan<byte> comment = exif.Find(directory, UserCommentTag);
        if (comment.Length > CodeSize && DecodeComment(comment, exif.IsBigEndian) is { Length: > 0 } decoded)
            texts.Add("EXIF", "UserComment", decoded);
    }

    /// <summary>Decodes a user comment.</summary>
    /// <param name="comment">Its bytes, with the eight bytes that name the encoding.</param>
    /// <param name="isBigEndian">The byte order of the block.</param>
    /// <returns>The text.</returns>
    internal static string DecodeComment(ReadOnlySpan<byte> comment, bool isBigEndian)
    {
        ReadOnlySpan<byte> text = comment[Math.Min(CodeSize, comment.Length)..];
        if (comment.StartsWith("UNICODE"u8))
            return DecodeUtf16(text, isBigEndian);
        if (comment.StartsWith("JIS\0\0\0\0\0"u8))
            return DecodeJis(text);
        if (comment.StartsWith("ASCII\0\0\0"u8) || comment.StartsWith("\0\0\0\0\0\0\0\0"u8))
            return TextEntryList.Decode(text.TrimEnd((byte)0)).TrimEnd(' ');

        // Without an encoding: only the text.
        return TextEntryList.Decode(comment.TrimEnd((byte)0)).TrimEnd(' ');
    }

    // The standard specifies ISO-2022-JP, in which Japanese text begins with an escape; the piexif library writes Shift-JIS.
    private static string DecodeJis(ReadOnlySpan<byte> text)
    {
        const byte Escape = 0x1B;
        const int Iso2022Jp = 50220;
        const int ShiftJis = 932;
        Encoding encoding = CodePagesEncodingProvider.Instance.GetEncoding(text.Contains(Escape) ? Iso2022Jp : ShiftJis)!;
        return encoding.GetString(text.TrimEnd((byte)0)).TrimEnd(' ');
    }

    // The standard does not specify the byte order. Tools write a byte order mark, use the block's order, or always the same order, so the text
    // decides: nearly all characters of an infotext are ASCII, whose upper byte is zero.
    private static string DecodeUtf16(ReadOnlySpan<byte> text, bool isBigEndian)
    {
        if (text.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            return Encoding.BigEndianUnicode.GetString(text[2..]).TrimEnd('\0');
        if (text.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]))
            return Encoding.Unicode.GetString(text[2..]).TrimEnd('\0');

        int zerosFirst = 0;
        int zerosSecond = 0;
        for (int i = 0; i + 1 < text.Length; i += 2)
        {
            zerosFirst += text[i] == 0 && text[i + 1] != 0 ? 1 : 0;
            zerosSecond += text[i] != 0 && text[i + 1] == 0 ? 1 : 0;
        }

        bool isBig = zerosFirst == zerosSecond ? isBigEndian : zerosFirst > zerosSecond;
        return (isBig ? Encoding.BigEndianUnicode : Encoding.Unicode).GetString(text).TrimEnd('\0');
    }
}
