using System.Text.Json;

namespace StableDiffusion.Sampling;

/// <summary>Stores the options of a scheduler as one text, for the settings recorded with an image.</summary>
internal static class SchedulerOptionText
{
    /// <summary>Writes options as JSON, in the order of their names.</summary>
    /// <param name="options">The options as the caller gave them; may be null.</param>
    /// <returns>The text; null if there are none.</returns>
    public static string? Write(IReadOnlyDictionary<string, object?>? options) => options is { Count: > 0 }
        ? JsonSerializer.Serialize(new SortedDictionary<string, object?>(options.ToDictionary(), StringComparer.Ordinal))
        : null;

    /// <summary>Reads options. Case is ignored in their names.</summary>
    /// <param name="text">The text that <see cref="Write"/> returned; may be null.</param>
    /// <returns>The options; null if there are none or the text is damaged.</returns>
    public static Dictionary<string, object?>? Read(string? text)
    {
        if (text is null)
            return null;

        try
        {
            Dictionary<string, object?> options = new(StringComparer.OrdinalIgnoreCase);
            foreach ((string name, JsonElement value) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(text) ?? [])
                options.Add(name, ToValue(value));
            return options;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            // Half a surrogate pair is an InvalidOperationException, a name in two spellings an ArgumentException.
            return null;
        }
    }

    private static object? ToValue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt32(out int whole) ? whole : value.GetDouble(),
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => value.EnumerateArray().Select(ToValue).ToArray(),
        _ => null,
    };
}
