using System.Text.Json;
using System.Text.Json.Serialization;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>
/// What made a picture, whole and in full precision, as the module's own files hold it beside the text that other
/// tools read: JSON whose members are those of <see cref="GenerationInfo"/>, without those that are null.
/// </summary>
internal static class GenerationRecord
{
    private static readonly JsonSerializerOptions s_options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Writes the record.</summary>
    /// <param name="info">What made the picture.</param>
    /// <returns>JSON of ASCII characters alone; empty if nothing is known.</returns>
    public static string Write(GenerationInfo info) => info == new GenerationInfo() ? string.Empty : JsonSerializer.Serialize(info, s_options);

    /// <summary>Reads a record.</summary>
    /// <param name="json">The text.</param>
    /// <returns>What made the picture; null if the text is no such record.</returns>
    public static GenerationInfo? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<GenerationInfo>(json, s_options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
