namespace StableDiffusion.Families.Keys;

/// <summary>
/// Diffusers' names for the weights of a tiny autoencoder (TAESD) in its original files, one for each half, whose layers are
/// numbered without a prefix. The decoder's first layer there is the clamp, which diffusers does not count.
/// </summary>
internal static class TinyVaeKeys
{
    /// <summary>The path of the encoder's layers.</summary>
    public const string Encoder = "encoder.layers";

    /// <summary>The path of the decoder's layers.</summary>
    public const string Decoder = "decoder.layers";

    // A weight of the first residual block of a second resolution or of the decoder, in both halves and both layouts.
    private const string BlockMark = "3.conv.0.weight";

    /// <summary>Whether tensors are those of a tiny autoencoder, or of one half of it.</summary>
    /// <param name="names">The tensors by their names.</param>
    public static bool Recognise<T>(IReadOnlyDictionary<string, T> names) =>
        names.ContainsKey(BlockMark) || names.ContainsKey($"{Encoder}.{BlockMark}") || names.ContainsKey($"{Decoder}.{BlockMark}");

    /// <summary>Finds which half an original file holds.</summary>
    /// <param name="names">The tensors by their names.</param>
    /// <returns>The path of its layers; null for a file with diffusers' names.</returns>
    public static string? HalfOf<T>(IReadOnlyDictionary<string, T> names) =>
        !names.ContainsKey(BlockMark) ? null : names.ContainsKey("0.weight") ? Encoder : Decoder;

    /// <summary>Translates a name of an original file.</summary>
    /// <param name="key">The tensor's name.</param>
    /// <param name="half">The half that the file holds.</param>
    /// <returns>Diffusers' name, or null if the tensor does not belong to the network.</returns>
    public static string? ToDiffusers(string key, string half)
    {
        DottedName name = new(key);
        if (!name.Take(out int layer))
            return null;
        int index = half == Decoder ? layer - 1 : layer;
        return index < 0 ? null : $"{half}.{index}.{name.Rest}";
    }
}
