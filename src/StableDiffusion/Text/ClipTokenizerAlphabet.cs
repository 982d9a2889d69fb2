using System.Globalization;
using System.Text;

namespace StableDiffusion.Text;

/// <summary>
/// The alphabet of a byte-level vocabulary: a visible character for each of the 256 bytes.
/// Source: GPT-2's encoder, whose alphabet CLIP uses.
/// </summary>
internal sealed class ClipTokenizerAlphabet
{
    /// <summary>The mark of a token that ends a word.</summary>
    public const string EndOfWord = "</w>";

    // Printable bytes of Latin-1 represent themselves; the others follow from U+0100 on, in order.
    private const int FirstSubstitute = 0x100;

    private readonly Dictionary<char, byte> _bytes = new(256);

    public ClipTokenizerAlphabet()
    {
        int substitutes = 0;
        for (int value = 0; value < 256; value++)
        {
            bool isPrintable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            char letter = isPrintable ? (char)value : (char)(FirstSubstitute + substitutes++);
            _bytes.Add(letter, (byte)value);
        }
    }

    /// <summary>The text of an entry of the vocabulary.</summary>
    /// <param name="entry">The entry as the vocabulary has it.</param>
    /// <returns>The text, without the end-of-word mark; parts of a character become U+FFFD.</returns>
    public string Read(string entry) => BytesOf(entry) is byte[] bytes ? Encoding.UTF8.GetString(bytes) : LettersOf(entry);

    /// <summary>The text of an entry of the vocabulary, for readers who see it alone.</summary>
    /// <param name="entry">The entry as the vocabulary has it.</param>
    /// <returns>The text, without the end-of-word mark. Bytes that are only a part of a character, or one that cannot be seen, are in hexadecimal: <c>&lt;E2 98&gt;</c>.</returns>
    public string Show(string entry)
    {
        if (BytesOf(entry) is not byte[] bytes)
            return LettersOf(entry);

        StringBuilder text = new();
        int hidden = 0;
        for (int i = 0; i < bytes.Length;)
        {
            bool isVisible = Rune.DecodeFromUtf8(bytes.AsSpan(i), out Rune rune, out int length) == System.Buffers.OperationStatus.Done && IsVisible(rune);
            if (isVisible)
            {
                AddHidden(bytes.AsSpan(i - hidden, hidden));
                text.Append(rune);
            }

            hidden = isVisible ? 0 : hidden + length;
            i += length;
        }

        AddHidden(bytes.AsSpan(bytes.Length - hidden));
        return text.ToString();

        void AddHidden(ReadOnlySpan<byte> part)
        {
            if (part.Length > 0)
                text.Append('<').AppendJoin(' ', part.ToArray().Select(static value => value.ToString("X2", CultureInfo.InvariantCulture))).Append('>');
        }
    }

    private static bool IsVisible(Rune rune) => !Rune.IsWhiteSpace(rune) && rune != Rune.ReplacementChar && Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static string LettersOf(string entry) => entry.EndsWith(EndOfWord, StringComparison.Ordinal) ? entry[..^EndOfWord.Length] : entry;

    /// <summary>The bytes of an entry; null if it has a letter that is none of the alphabet.</summary>
    private byte[]? BytesOf(string entry)
    {
        string letters = LettersOf(entry);
        byte[] bytes = new byte[letters.Length];
        for (int i = 0; i < letters.Length; i++)
        {
            if (!_bytes.TryGetValue(letters[i], out bytes[i]))
                return null;
        }

        return bytes;
    }
}
