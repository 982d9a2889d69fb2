namespace StableDiffusion.Onnx.Graphs;

/// <summary>A cross-attention in the graph of a U-Net.</summary>
/// <param name="Name">Its place in the network, such as <c>down_blocks.0.attentions.1.transformer_blocks.0</c>.</param>
internal sealed record AttentionLayer(string Name)
{
    /// <summary>The value of the queries, [batch, pixels, width]; null if the graph has <see cref="Probabilities"/>.</summary>
    public string? Query { get; init; }

    /// <summary>The value of the keys, [batch, tokens, width]; null if the graph has <see cref="Probabilities"/>.</summary>
    public string? Key { get; init; }

    /// <summary>The number of heads that the width is divided into; 0 if the graph has <see cref="Probabilities"/>.</summary>
    public int Heads { get; init; }

    /// <summary>The factor of the products of queries and keys; null means one divided by the root of a head's width.</summary>
    public float? Scale { get; init; }

    /// <summary>The value of the probabilities, [heads, pixels, tokens] or [batch, heads, pixels, tokens]; null if it has queries and keys.</summary>
    public string? Probabilities { get; init; }

    /// <summary>The values of the graph that it is computed from.</summary>
    public IReadOnlyList<string> Values => Probabilities is null ? [Query!, Key!] : [Probabilities];
}
