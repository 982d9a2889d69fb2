using System.Globalization;
using System.Text;

namespace StableDiffusion;

/// <summary>Makes texts that hold names and values of foreign files safe to show: in a message, a terminal or a log.</summary>
internal static class PrintableText
{
    /// <summary>The number of characters of the longest message.</summary>
    public const int MaxLength = 2000;

    private const string Gap = " [...] ";
    private const char Unprintable = '?';
    private const char ZeroWidthNonJoiner = '\u200c';
    private const char ZeroWidthJoiner = '\u200d';

    /// <summary>
    /// The text in one line, without what a terminal would interpret or nobody could see: control and format characters, such as
    /// marks that change the direction of the text, and halves of surrogate pairs. If it is longer than permitted, its middle is left out, since a message begins
    /// with what is wrong and ends with what to do.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="maxLength">The permitted number of characters, more than ten.</param>
    /// <returns>The text itself if there is nothing to change.</returns>
    public static string Of(string text, int maxLength = MaxLength)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > maxLength)
        {
            int end = (maxLength - Gap.Length) / 4;
            text = string.Concat(text.AsSpan(0, maxLength - Gap.Length - end), Gap, text.AsSpan(text.Length - end));
        }

        for (int i = 0; i < text.Length; i++)
        {
            if (!IsPrintable(text, i))
                return Replace(text);
        }

        return text;
    }

    private static string Replace(string text) => string.Create(text.Length, text, static (result, text) =>
    {
        for (int i = 0; i < text.Length; i++)
            result[i] = IsPrintable(text, i) ? text[i] : char.IsWhiteSpace(text[i]) ? ' ' : Unprintable;
    });

    private static bool IsPrintable(string text, int index)
    {
        char letter = text[index];
        if (char.IsAscii(letter))
            return !char.IsControl(letter);

        return char.GetUnicodeCategory(letter) switch
        {
            UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
            UnicodeCategory.Format => letter is ZeroWidthNonJoiner or ZeroWidthJoiner && index > 0 && index + 1 < text.Length && IsJoined(text[index - 1]) && IsJoined(text[index + 1]),
            UnicodeCategory.Surrogate => IsPrintablePair(text, char.IsHighSurrogate(letter) ? index : index - 1),
            _ => true,
        };
    }

    /// <summary>Whether joiners beside a letter belong to the text: in words of Persian and Indic scripts, which have no capitals, and in emoji.</summary>
    private static bool IsJoined(char letter) => char.GetUnicodeCategory(letter) is
        UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.OtherSymbol or UnicodeCategory.Surrogate;

    // Tags are invisible letters; only the flags of a few regions need them.
    private static bool IsPrintablePair(string text, int index) =>
        index >= 0 && Rune.TryGetRuneAt(text, index, out Rune rune) && !rune.IsBmp && Rune.GetUnicodeCategory(rune) != UnicodeCategory.Format;
}
