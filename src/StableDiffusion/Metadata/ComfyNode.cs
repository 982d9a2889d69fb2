using System.Text.Json;

namespace StableDiffusion.Metadata;

/// <summary>A node of a ComfyUI graph.</summary>
/// <param name="id">Its name in the graph.</param>
/// <param name="type">What it does, such as <c>KSampler</c>.</param>
/// <param name="inputs">An object: each value either stands there, or is a link to another node's output.</param>
internal sealed class ComfyNode(string id, string type, JsonElement inputs)
{
    /// <summary>The node's name in the graph.</summary>
    public string Id { get; } = id;

    /// <summary>What the node does.</summary>
    public string Type { get; } = type;

    /// <summary>The names of the nodes that it takes anything from, in the order of its inputs.</summary>
    public IEnumerable<string> Sources => inputs.EnumerateObject().Select(input => AsLink(input.Value)?.Id).OfType<string>();

    /// <summary>The value that stands in an input.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>The value as text; null if there is none, or a link.</returns>
    public string? Value(string name) => JsonText.Text(inputs, name);

    /// <summary>Whether there is such an input, value or link.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>Whether there is.</returns>
    public bool Has(string name) => inputs.TryGetProperty(name, out _);

    /// <summary>The link in an input.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>The other node's name and the number of its output; null if there is no link.</returns>
    public (string Id, int Output)? Link(string name) => inputs.TryGetProperty(name, out JsonElement value) ? AsLink(value) : null;

    // A link is a list of a node's name and an output's number.
    private static (string Id, int Output)? AsLink(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2
        && JsonText.Text(value[0]) is string id && value[1].ValueKind == JsonValueKind.Number && value[1].TryGetInt32(out int output)
            ? (id, output)
            : null;
}
