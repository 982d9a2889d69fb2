namespace StableDiffusion.Families.Keys;

/// <summary>
/// Transformers' names for the weights of a CLIP text encoder. Single files keep them below a prefix; in some older
/// ones the <c>text_model</c> in front is missing.
/// </summary>
internal static class ClipKeys
{
    /// <summary>The end of the name of the tensor by which such an encoder is known.</summary>
    public const string Marker = "embeddings.token_embedding.weight";

    /// <summary>The end of the name of the numbers of a text's positions, 0 to 76; not a weight.</summary>
    public const string PositionIds = "embeddings.position_ids";

    /// <summary>What transformers puts in front.</summary>
    public const string Root = "text_model.";

    /// <summary>Enters a tensor.</summary>
    /// <param name="map">Receives it if it has a place in the network.</param>
    /// <param name="prefix">What stands before the encoder's names in the file.</param>
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
