using System.Text.Json;

namespace StableDiffusion.Metadata;

/// <summary>A node of a ComfyUI graph.</summary>
/// <param name="id">Its ID in the graph.</param>
/// <param name="type">Its type, such as <c>KSampler</c>.</param>
/// <param name="inputs">By name, each either a literal value, or a link to another node's output.</param>
internal sealed class ComfyNode(string id, string type, IReadOnlyDictionary<string, JsonElement> inputs)
{
    /// <summary>The ID in the graph.</summary>
    public string Id { get; } = id;

    /// <summary>The type of the node.</summary>
    public string Type { get; } = type;

    /// <summary>The IDs of the nodes that its inputs are linked to, in the order of the inputs.</summary>
    public IReadOnlyList<string> Sources { get; } = [.. inputs.Values.Select(static input => AsLink(input)?.Id).OfType<string>()];

    /// <summary>The literal value of an input.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>The value as text; null if there is none, or if it is a link.</returns>
    public string? Value(string name) => inputs.TryGetValue(name, out JsonElement value) ? JsonText.Text(value) : null;

    /// <summary>Whether the node has an input, as a value or as a link.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>True if it has.</returns>
    public bool Has(string name) => inputs.ContainsKey(name);

    /// <summary>The link of an input.</summary>
    /// <param name="name">The input's name.</param>
    /// <returns>The other node's ID and the index of its output; null if there is no link.</returns>
    public (string Id, int Output)? Link(string name) => inputs.TryGetValue(name, out JsonElement value) ? AsLink(value) : null;

    // A link is a list of a node's ID and an output's index.
    private static (string Id, int Output)? AsLink(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2
        && JsonText.Text(value[0]) is string id && value[1].ValueKind == JsonValueKind.Number && value[1].TryGetInt32(out int output)
            ? (id, output)
            : null;
}
