namespace StableDiffusion.Families.Keys;

/// <summary>
/// Transformers' names for the weights of a CLIP text encoder. In single files they have a prefix; in some older ones
/// the <c>text_model</c> in front is missing.
/// </summary>
internal static class ClipKeys
{
    /// <summary>The end of the name of the tensor that identifies such an encoder.</summary>
    public const string Marker = "embeddings.token_embedding.weight";

    /// <summary>The end of the name of the position ids, 0 to 76, which are not a weight.</summary>
    public const string PositionIds = "embeddings.position_ids";

    /// <summary>The prefix of transformers' names.</summary>
    public const string Root = "text_model.";

    /// <summary>Adds a tensor to a map.</summary>
    /// <param name="map">Receives the tensor if it belongs to the network.</param>
    /// <param name="prefix">The prefix of the encoder's names in the file.</param>
    /// <param name="key">The tensor's name in the file; it begins with the prefix.</param>
    public static void Enter(WeightMap map, string prefix, string key)
    {
        ReadOnlySpan<char> tail = key.AsSpan(prefix.Length);
        if (tail.StartsWith(Root, StringComparison.Ordinal))
            tail = tail[Root.Length..];

        DottedName name = new(tail);
        bool known = name.Take("embeddings.token_embedding") || name.Take("embeddings.position_embedding")
            || name.Take("encoder.layers") || name.Take("final_layer_norm");
        if (tail is PositionIds)
            map.PassOver(key);
        else if (known)
            map.Add($"{Root}{tail}", key);
    }
}
