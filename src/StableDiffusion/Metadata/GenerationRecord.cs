using System.Text.Json;
using System.Text.Json.Serialization;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>
/// All settings of an image, in full precision, as this library's files contain them beside the text that other
/// tools read: JSON with the members of <see cref="GenerationInfo"/> that are not null.
/// </summary>
internal static class GenerationRecord
{
    /// <summary>The keyword of the text in PNG, and the name of the element in XMP.</summary>
    public const string Keyword = "sdpsGeneration";

    private static readonly JsonSerializerOptions s_options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Writes the record.</summary>
    /// <param name="info">The settings of the image.</param>
    /// <returns>JSON of only ASCII characters; empty if no setting is known.</returns>
    public static string Write(GenerationInfo info) => info == new GenerationInfo() ? string.Empty : JsonSerializer.Serialize(info, s_options);

    /// <summary>Reads a record.</summary>
    /// <param name="json">The text.</param>
    /// <returns>The settings of the image; null if the text is not such a record.</returns>
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
