using System.Globalization;
using System.Text;

namespace StableDiffusion.Prompts;

/// <summary>Parses numbers as Python's <c>float</c> does: digits of any script, underscores between digits, white space around.</summary>
internal static class PromptNumber
{
    /// <summary>Parses a number. Names such as <c>inf</c> and <c>nan</c>, and numbers out of the range of a double, are not accepted.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out double value)
    {
        value = 0;
        text = text[..PromptCharacters.TrimmedLength(text)];
        text = text[PromptCharacters.SkipSpace(text, 0)..];

        StringBuilder ascii = new(text.Length);
        bool afterDigit = false;
        for (int i = 0; i < text.Length;)
        {
            if (PromptCharacters.TryGetDigit(text, i, out int digit, out int length))
            {
                ascii.Append((char)('0' + digit));
                afterDigit = true;
            }
            else if (text[i] is '+' or '-' or '.' or 'e' or 'E')
            {
                ascii.Append(text[i]);
                afterDigit = false;
            }
            else if (text[i] == '_' && afterDigit && i + 1 < text.Length && PromptCharacters.TryGetDigit(text, i + 1, out _, out _))
            {
                afterDigit = false;
            }
            else
            {
                return false;
            }

            i += length;
        }

        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(ascii.ToString(), Style, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }
}
