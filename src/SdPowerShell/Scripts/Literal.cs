using System.Collections;
using System.Globalization;
using System.Management.Automation.Language;
using System.Text;

namespace SdPowerShell.Scripts;

/// <summary>Values as PowerShell's language writes them. Whatever a text contains, it stays a text.</summary>
internal static class Literal
{
    /// <summary>Writes a value.</summary>
    /// <param name="value">A text, a number, a truth value, a list or a dictionary of these.</param>
    public static string Of(object? value) => value switch
    {
        null => "$null",
        string text => OfText(text),
        bool flag => flag ? "$true" : "$false",
        IDictionary options => OfOptions(options),
        IEnumerable list => OfList([.. list.Cast<object?>()]),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => OfText(value.ToString()!),
    };

    // As an argument, also in quotes, this text says that the rest of the line is not PowerShell, and what follows is no value any more.
    private static string OfText(string text) => text == "--%" ? "('--%')" : text.Any(static character => char.IsControl(character) && character is not ('\n' or '\t') || char.IsSurrogate(character) || char.GetUnicodeCategory(character) == UnicodeCategory.Format)
        ? OfUnprintable(text)
        : $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";

    // In double quotes, every character can be written by its number.
    private static string OfUnprintable(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char character in text)
        {
            if (char.IsAsciiLetterOrDigit(character) || character == ' ')
                quoted.Append(character);
            else
                quoted.Append(CultureInfo.InvariantCulture, $"`u{{{(int)character:x}}}");
        }

        return quoted.Append('"').ToString();
    }

    private static string OfList(object?[] items) => items.Length switch
    {
        0 => "@()",
        1 => Of(items[0]),
        _ => string.Join(", ", items.Select(Of)),
    };

    private static string OfOptions(IDictionary options) =>
        $"@{{ {string.Join("; ", options.Keys.Cast<object>().Select(key => $"{Of(key)} = {(options[key] is IEnumerable and not string ? $"@({Of(options[key])})" : Of(options[key]))}"))} }}";
}
