using System.Text.Json;

namespace StableDiffusion;

/// <summary>Stores several texts as one JSON list, for the settings recorded with an image.</summary>
internal static class TextList
{
    /// <summary>Writes the texts as a JSON list.</summary>
    /// <param name="texts">The texts.</param>
    /// <returns>The list; null if there are no texts.</returns>
    public static string? Write(IReadOnlyCollection<string> texts) => texts.Count > 0 ? JsonSerializer.Serialize(texts) : null;

    /// <summary>Reads a list.</summary>
    /// <param name="json">The list that <see cref="Write"/> returned; may be null.</param>
    /// <returns>The texts; null if there are none or the list is damaged.</returns>
    public static string[]? Read(string? json)
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize<string[]>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
