using System.Buffers;
using System.Globalization;
using System.Text;

namespace StableDiffusion.Metadata;

/// <summary>What Python takes for white space and for letters, where .NET draws the line elsewhere.</summary>
internal static class PythonText
{
    /// <summary><c>str.isspace</c>, and <c>\s</c> of the module re.</summary>
    /// <param name="character">The character.</param>
    /// <returns>Whether it is white space.</returns>
    public static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\u001C' and <= '\u001F';

    /// <summary><c>\w</c> of the module re: letters and numbers of any kind, and the underscore, but no marks.</summary>
    /// <param name="rune">The character.</param>
    /// <returns>Whether it belongs to a word.</returns>
    public static bool IsWord(Rune rune) => rune.Value == '_' || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>How long the run of <c>\d</c> of the module re is that a text begins with: digits of any script.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The run's length.</returns>
    public static int DigitsLength(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (Rune.DecodeFromUtf16(text[length..], out Rune rune, out int next) == OperationStatus.Done && Rune.IsDigit(rune))
            length += next;

        return length;
    }

    /// <summary><c>str.strip</c>.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text without white space around it.</returns>
    public static ReadOnlySpan<char> Strip(ReadOnlySpan<char> text)
    {
        int start = 0;
        while (start < text.Length && IsSpace(text[start]))
            start++;

        int end = text.Length;
        while (end > start && IsSpace(text[end - 1]))
            end--;

        return text[start..end];
    }
}
