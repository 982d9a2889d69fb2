using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace StableDiffusion.Metadata;

/// <summary>Reads the JSON that Python tools write, and returns values of any kind as text.</summary>
internal static class JsonText
{
    private static readonly string[] s_notNumbers = ["NaN", "-Infinity", "Infinity"];

    /// <summary>Reads an object.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Cancels it before the text is parsed, and before it is parsed again.</param>
    /// <returns>A document, to be disposed, whose root is an object; null if the text is not one.</returns>
    public static JsonDocument? ParseObject(string text, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!text.AsSpan().TrimStart().StartsWith('{'))
            return null;

        if (TryParse(text) is JsonDocument document)
            return document;
        cancellationToken.ThrowIfCancellationRequested();
        return TryParse(WithoutNotNumbers(text));
    }

    /// <summary>A value that is a string, a number or a Boolean, as text.</summary>
    /// <param name="json">An object.</param>
    /// <param name="name">The value's name.</param>
    /// <returns>The text; null if there is no such value.</returns>
    public static string? Text(JsonElement json, string name) =>
        Members(json).TryGetValue(name, out JsonElement value) ? Text(value) : null;

    /// <summary>A string, a number or a Boolean, as text.</summary>
    /// <returns>The text; null if it is of another kind.</returns>
    public static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => GetString(value),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };

    /// <summary>All values of an object that are strings, numbers or Booleans.</summary>
    /// <param name="json">An object.</param>
    /// <returns>The values as text, in order.</returns>
    public static OrderedDictionary<string, string> Texts(JsonElement json)
    {
        OrderedDictionary<string, string> texts = new(StringComparer.Ordinal);
        foreach ((string name, JsonElement value) in Members(json))
        {
            if (Text(value) is string text)
                texts[name] = text;
        }

        return texts;
    }

    /// <summary>The members of an object by name. All readers look them up here: a name may be one that .NET's JSON refuses.</summary>
    /// <param name="json">Any value.</param>
    /// <returns>The members in order, of those with the same name the last; none if the value is not an object.</returns>
    public static OrderedDictionary<string, JsonElement> Members(JsonElement json)
    {
        OrderedDictionary<string, JsonElement> members = new(StringComparer.Ordinal);
        if (json.ValueKind != JsonValueKind.Object)
            return members;

        foreach (JsonProperty property in json.EnumerateObject())
            members[GetName(property)] = property.Value;
        return members;
    }

    private static JsonDocument? TryParse(string text)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;

            document.Dispose();
            return null;
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            // The parser does not accept a text with an unpaired surrogate.
            return null;
        }
    }

    // Python's JSON allows an escaped unpaired surrogate, which is not valid in a .NET JSON string.
    private static string? GetString(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return InfotextParser.Unquote(value.GetRawText());
        }
    }

    private static string GetName(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return InfotextParser.Unquote($"\"{Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(property))}\"");
        }
    }

    // Python writes NaN and infinities as names, and ComfyUI's graphs contain them.
    private static string WithoutNotNumbers(string text)
    {
        StringBuilder result = new(text.Length);
        bool isString = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (!isString && (text[i] is 'N' or 'I' or '-') && Array.Find(s_notNumbers, name => string.CompareOrdinal(text, i, name, 0, name.Length) == 0) is string found)
            {
                result.Append("null");
                i += found.Length - 1;
                continue;
            }

            if (text[i] == '"')
                isString = !isString;
            result.Append(text[i]);
            if (isString && text[i] == '\\' && i + 1 < text.Length)
                result.Append(text[++i]);
        }

        return result.ToString();
    }
}
