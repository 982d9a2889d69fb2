using System.Buffers;
using System.Globalization;
using System.Text;

namespace StableDiffusion.Prompts;

/// <summary>
/// The character classes of Python's regular expressions, which A1111 and ComfyUI parse prompts with. They differ from .NET's:
/// marks are not word characters, and the four separators U+001C to U+001F are white space.
/// </summary>
internal static class PromptCharacters
{
    public static bool IsSpace(char character) =>
        char.IsWhiteSpace(character) || character is >= '\x1C' and <= '\x1F';

    /// <summary>Whether there is a keyword at an index, without a word character on either side (<c>\bWORD\b</c>).</summary>
    public static bool IsKeywordAt(ReadOnlySpan<char> text, int index, string keyword) =>
        text[index..].StartsWith(keyword, StringComparison.Ordinal)
        && !IsWordBefore(text, index)
        && !IsWordAt(text, index + keyword.Length);

    /// <summary>The value of the decimal digit at an index, in any script, and its number of UTF-16 units.</summary>
    public static bool TryGetDigit(ReadOnlySpan<char> text, int index, out int value, out int length)
    {
        value = 0;
        length = 1;
        if (char.IsAsciiDigit(text[index]))
        {
            value = text[index] - '0';
            return true;
        }

        if (char.IsAscii(text[index])
            || Rune.DecodeFromUtf16(text[index..], out Rune rune, out length) != OperationStatus.Done
            || Rune.GetUnicodeCategory(rune) != UnicodeCategory.DecimalDigitNumber)
        {
            return false;
        }

        value = (int)Rune.GetNumericValue(rune);
        return true;
    }

    /// <summary>The length of a text without trailing white space.</summary>
    public static int TrimmedLength(ReadOnlySpan<char> text)
    {
        int length = text.Length;
        while (length > 0 && IsSpace(text[length - 1]))
        {
            length--;
        }

        return length;
    }

    /// <summary>The index of the first character from <paramref name="index"/> on that is not white space.</summary>
    public static int SkipSpace(ReadOnlySpan<char> text, int index)
    {
        while (index < text.Length && IsSpace(text[index]))
        {
            index++;
        }

        return index;
    }

    private static bool IsWordBefore(ReadOnlySpan<char> text, int index) =>
        Rune.DecodeLastFromUtf16(text[..index], out Rune rune, out _) == OperationStatus.Done
        && IsWord(rune);

    private static bool IsWordAt(ReadOnlySpan<char> text, int index) =>
        Rune.DecodeFromUtf16(text[index..], out Rune rune, out _) == OperationStatus.Done
        && IsWord(rune);

    private static bool IsWord(Rune rune) =>
        rune.Value == '_' || Rune.GetUnicodeCategory(rune) is
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
}
