using System.Buffers;
using System.Globalization;
using System.Text;

namespace StableDiffusion.Metadata;

/// <summary>Python's definitions of white space and letters, which differ from .NET's.</summary>
internal static class PythonText
{
    /// <summary><c>str.isspace</c>, and <c>\s</c> of the module re.</summary>
    /// <returns>Whether it is white space.</returns>
    public static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\u001C' and <= '\u001F';

    /// <summary><c>\w</c> of the module re: letters and numbers of any script, and the underscore, but not combining marks.</summary>
    /// <param name="rune">The character.</param>
    /// <returns>Whether it is a word character.</returns>
    public static bool IsWord(Rune rune) => rune.Value == '_' || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>The number of digits, of any script, at the start of a text: <c>\d*</c> of the module re.</summary>
    /// <returns>The number of UTF-16 units.</returns>
    public static int DigitsLength(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (Rune.DecodeFromUtf16(text[length..], out Rune rune, out int next) == OperationStatus.Done && Rune.IsDigit(rune))
            length += next;

        return length;
    }

    /// <summary><c>str.strip</c>.</summary>
    /// <returns>The text without surrounding white space.</returns>
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
