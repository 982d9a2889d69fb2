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
    public string Read(string entry)
    {
        ReadOnlySpan<char> letters = entry;
        if (letters.EndsWith(EndOfWord, StringComparison.Ordinal))
            letters = letters[..^EndOfWord.Length];

        byte[] bytes = new byte[letters.Length];
        for (int i = 0; i < letters.Length; i++)
        {
            if (!_bytes.TryGetValue(letters[i], out bytes[i]))
                return letters.ToString();
        }

        return Encoding.UTF8.GetString(bytes);
    }
}
