using System.Globalization;
using System.Text;

namespace StableDiffusion.Metadata;

/// <summary>
/// Parses an infotext exactly as A1111 does, in linear time.
/// Source: A1111 1.10, <c>parse_generation_parameters</c>; the values that it fills in for missing settings are omitted.
/// </summary>
internal static class InfotextParser
{
    private const string NegativePromptMark = "Negative prompt:";

    // With fewer settings, A1111 treats the last line as a part of the prompt.
    private const int MinSettings = 3;

    /// <summary>Parses a text. Any text is valid; a text without settings is a prompt.</summary>
    /// <returns>Its parts: lines without surrounding white space, values without quotes, sizes split into two.</returns>
    public static GenerationParameters Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);

        ReadOnlySpan<char> stripped = PythonText.Strip(text);
        int lastLine = stripped.LastIndexOf('\n') + 1;
        List<KeyValuePair<string, string>> written = FindSettings(stripped[lastLine..]);
        if (written.Count < MinSettings)
        {
            written.Clear();
            lastLine = stripped.Length + 1;
        }

        (string prompt, string negativePrompt) = SplitPrompts(stripped[..Math.Max(lastLine - 1, 0)]);
        List<KeyValuePair<string, string>> settings = [];
        foreach ((string name, string raw) in written)
        {
            // A setting without a value fails in A1111, and is ignored there too.
            if (raw.Length == 0)
                continue;

            string value = Unquote(raw);
            if (TrySplitSize(value, out string width, out string height))
            {
                settings.Add(new(name + "-1", width));
                settings.Add(new(name + "-2", height));
            }
            else if (name == "Prompt")
            {
                prompt = value;
            }
            else if (name == "Negative prompt")
            {
                negativePrompt = value;
            }
            else
            {
                settings.Add(new(name, value));
            }
        }

        return new GenerationParameters(prompt, negativePrompt, settings);
    }

    /// <summary>Removes the quotes of a value, as Python's <c>json.loads</c> does.</summary>
    /// <param name="value">The value as written.</param>
    /// <returns>The unquoted string; the value itself if it is not a JSON string.</returns>
    internal static string Unquote(string value)
    {
        if (value.Length < 2 || value[0] != '"' || value[^1] != '"')
            return value;

        StringBuilder text = new(value.Length);
        for (int i = 1; i < value.Length - 1; i++)
        {
            char character = value[i];
            if (character is '"' or < ' ')
                return value;

            if (character == '\\')
            {
                // The last quote may be escaped, and then does not end the string.
                if (++i == value.Length - 1 || !TryUnescape(value.AsSpan(i, value.Length - 1 - i), out character, out int length))
                    return value;
                i += length - 1;
            }

            text.Append(character);
        }

        return text.ToString();
    }

    /// <summary>Whether a text begins with a setting's name: a letter or digit, followed by one or more letters, digits, spaces, '-' or '/'.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">The largest length of the name.</param>
    /// <returns>Whether it is long enough to be a name.</returns>
    internal static bool StartsWithName(ReadOnlySpan<char> text, out int length)
    {
        length = 0;
        Rune.DecodeFromUtf16(text, out Rune rune, out int first);
        if (!PythonText.IsWord(rune))
            return false;

        length = first;
        while (length < text.Length)
        {
            Rune.DecodeFromUtf16(text[length..], out rune, out int next);
            if (!PythonText.IsWord(rune) && rune.Value is not (' ' or '-' or '/'))
                break;
            length += next;
        }

        return length > first;
    }

    private static (string Prompt, string NegativePrompt) SplitPrompts(ReadOnlySpan<char> lines)
    {
        StringBuilder prompt = new();
        StringBuilder negativePrompt = new();
        StringBuilder current = prompt;
        foreach (Range range in lines.Split('\n'))
        {
            ReadOnlySpan<char> line = PythonText.Strip(lines[range]);
            if (line.StartsWith(NegativePromptMark, StringComparison.Ordinal))
            {
                current = negativePrompt;
                line = PythonText.Strip(line[NegativePromptMark.Length..]);
            }

            if (current.Length > 0)
                current.Append('\n');
            current.Append(line);
        }

        return (prompt.ToString(), negativePrompt.ToString());
    }

    // A1111 uses \s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$), which takes quadratic time on some lines.
    private static List<KeyValuePair<string, string>> FindSettings(ReadOnlySpan<char> line)
    {
        List<KeyValuePair<string, string>> found = [];
        int position = 0;
        while (position < line.Length)
        {
            bool isName = StartsWithName(line[position..], out int length);
            int end = position + Math.Max(length, 1);
            if (!isName || end == line.Length || line[end] != ':')
            {
                position = end;
                continue;
            }

            int value = end + 1;
            while (value < line.Length && PythonText.IsSpace(line[value]))
                value++;

            int valueEnd = QuotedEnd(line, value) ?? BareEnd(line, value);
            found.Add(new(line[position..end].ToString(), line[value..valueEnd].ToString()));
            position = valueEnd + 1;
        }

        return found;
    }

    private static int BareEnd(ReadOnlySpan<char> line, int start)
    {
        int length = line[start..].IndexOf(',');
        return length < 0 ? line.Length : start + length;
    }

    private static int? QuotedEnd(ReadOnlySpan<char> line, int start)
    {
        if (start == line.Length || line[start] != '"')
            return null;

        int end = start + 1;
        while (end < line.Length && line[end] != '"')
            end += line[end] == '\\' ? 2 : 1;

        // The quotes must not be empty, and a comma or the end must follow them.
        bool isQuoted = end < line.Length && end > start + 1 && (end + 1 == line.Length || line[end + 1] == ',');
        return isQuoted ? end + 1 : null;
    }

    private static bool TryUnescape(ReadOnlySpan<char> escape, out char character, out int length)
    {
        length = 1;
        character = escape[0] switch
        {
            '"' or '\\' or '/' => escape[0],
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\b',
            'f' => '\f',
            _ => '\0',
        };
        if (character != '\0')
            return true;
        if (escape[0] != 'u' || escape.Length < 5 || !ushort.TryParse(escape.Slice(1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort code))
            return false;

        length = 5;
        character = (char)code;
        return true;
    }

    // ^(\d+)x(\d+)$, where the end may be before a final line feed.
    private static bool TrySplitSize(string value, out string width, out string height)
    {
        ReadOnlySpan<char> rest = value;
        ReadOnlySpan<char> first = rest[..PythonText.DigitsLength(rest)];
        rest = rest[first.Length..];
        ReadOnlySpan<char> second = rest is ['x', ..] ? rest.Slice(1, PythonText.DigitsLength(rest[1..])) : default;
        bool isSize = first.Length > 0 && second.Length > 0 && rest[(1 + second.Length)..] is ("" or "\n");
        (width, height) = isSize ? (first.ToString(), second.ToString()) : ("", "");
        return isSize;
    }
}
