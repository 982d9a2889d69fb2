using System.Text.Json;
using System.Text.Json.Nodes;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>A network that a file holds.</summary>
/// <param name="Name">The name of its folder in diffusers' layout.</param>
/// <param name="Weights">Its weights under diffusers' names.</param>
/// <param name="Config">Its config, as diffusers' <c>config.json</c> of the part would give it.</param>
internal sealed record CheckpointPart(string Name, MappedWeights Weights, JsonObject Config)
{
    /// <summary>The text of a config, as it is written into a model's folder.</summary>
    /// <returns>Indented JSON in UTF-8.</returns>
    public static byte[] ToJson(JsonObject config)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text, new JsonWriterOptions { Indented = true }))
            config.WriteTo(writer);
        return text.ToArray();
    }
}
