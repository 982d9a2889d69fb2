using System.Globalization;

namespace StableDiffusion.Families.Keys;

/// <summary>
/// Transformers' names for the weights of an OpenCLIP text encoder (<c>open_clip/transformer.py</c>), which keeps the
/// three input projections of an attention in one matrix, and the last projection transposed.
/// </summary>
internal sealed class OpenClipKeys
{
    /// <summary>The end of the name of the tensor that identifies such an encoder.</summary>
    public const string Marker = "positional_embedding";

    // The number of layers of ViT-H without its last one, which some tools omit because it is not used.
    private const int WithoutLast = 23;

    private readonly string _prefix;
    private readonly int _layers;
    private readonly bool _projection;

    /// <summary>Counts the layers.</summary>
    /// <param name="prefix">The prefix of the encoder's names in the file.</param>
    /// <param name="keys">The names of the encoder's tensors in the file.</param>
    /// <param name="penultimate">Whether the model was trained on the output of the penultimate layer, as Stable Diffusion 2 was; the last layer and the projection are then omitted.</param>
    public OpenClipKeys(string prefix, IEnumerable<string> keys, bool penultimate)
    {
        int count = 0;
        foreach (string key in keys)
        {
            DottedName name = new(key.AsSpan(prefix.Length));
            if (name.Take("transformer.resblocks") && name.Take(out int layer) && layer < int.MaxValue)
                count = Math.Max(count, layer + 1);
        }

        _prefix = prefix;
        _layers = penultimate && count != WithoutLast ? count - 1 : count;
        _projection = !penultimate;
    }

    /// <summary>Adds a tensor to a map.</summary>
    /// <param name="map">Receives the tensor if it belongs to the network.</param>
    /// <param name="key">The tensor's name in the file; it begins with the prefix.</param>
    public void Enter(WeightMap map, string key)
    {
        string tail = key[_prefix.Length..];
        DottedName name = new(tail);
        if (name.Take("transformer.resblocks") && name.Take(out int layer))
        {
            if (layer < _layers)
                EnterLayer(map, key, $"text_model.encoder.layers.{layer.ToString(CultureInfo.InvariantCulture)}", name);
            else
                map.PassOver(key);
            return;
        }

        switch (tail)
        {
            case "positional_embedding":
                map.Add("text_model.embeddings.position_embedding.weight", key);
                break;
            case "token_embedding.weight":
                map.Add("text_model.embeddings.token_embedding.weight", key);
                break;
            case "ln_final.weight":
            case "ln_final.bias":
                map.Add($"text_model.final_layer_norm{tail["ln_final".Length..]}", key);
                break;
            case "text_projection" when _projection:
                map.AddTransposed("text_projection.weight", key);
                break;
            case "text_projection.weight" when _projection:
                map.Add(tail, key);
                break;
            case "text_projection" or "text_projection.weight" or "logit_scale" or "attn_mask":
                map.PassOver(key);
                break;
        }
    }

    private static void EnterLayer(WeightMap map, string key, string path, DottedName name)
    {
        string attention = $"{path}.self_attn";
        if (name.Rest is "attn.in_proj_weight" or "attn.in_proj_bias")
        {
            string kind = name.Rest["attn.in_proj_".Length..].ToString();
            map.AddRows([$"{attention}.q_proj.{kind}", $"{attention}.k_proj.{kind}", $"{attention}.v_proj.{kind}"], key);
            return;
        }

        string? layer =
            name.Take("ln_1") ? "layer_norm1" :
            name.Take("ln_2") ? "layer_norm2" :
            name.Take("attn.out_proj") ? "self_attn.out_proj" :
            name.Take("mlp.c_fc") ? "mlp.fc1" :
            name.Take("mlp.c_proj") ? "mlp.fc2" : null;
        map.Add(layer is null ? null : $"{path}.{layer}.{name.Rest}", key);
    }
}
