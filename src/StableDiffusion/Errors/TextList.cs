using System.Text.Json;

namespace StableDiffusion;

/// <summary>Several texts as one, for the records of what made a picture.</summary>
internal static class TextList
{
    /// <summary>Writes texts as a list in JSON.</summary>
    /// <param name="texts">The texts.</param>
    /// <returns>The list; null where there are none.</returns>
    public static string? Write(IReadOnlyCollection<string> texts) => texts.Count > 0 ? JsonSerializer.Serialize(texts) : null;

    /// <summary>Reads a list.</summary>
    /// <param name="json">What <see cref="Write"/> wrote; may be null.</param>
    /// <returns>The texts; null where there are none or the list is damaged.</returns>
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
