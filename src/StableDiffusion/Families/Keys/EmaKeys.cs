using System.Text.RegularExpressions;

namespace StableDiffusion.Families.Keys;

/// <summary>
/// The names of averaged (EMA) weights of a U-Net. The latent diffusion code (<c>ema.py</c>) removed
/// the dots, since torch allows none in the name of a buffer. The parts between the dots are a small set of words.
/// </summary>
internal static partial class EmaKeys
{
    /// <summary>The prefix of all names.</summary>
    public const string Prefix = "model_ema.";

    private const string Network = Prefix + "diffusion_model";

    /// <summary>Restores the dots.</summary>
    /// <param name="key">The name of a tensor in the file.</param>
    /// <returns>The name from <c>input_blocks</c>, <c>time_embed</c> and so on, or null if it is not one of the network's.</returns>
    public static string? Restore(string key)
    {
        if (!key.StartsWith(Network, StringComparison.Ordinal))
            return null;

        List<string> parts = [];
        int end = Network.Length;
        foreach (Match match in Words().Matches(key, end))
        {
            if (match.Index != end)
                return null;

            // The number of a block is followed by the number of its part, which has one digit.
            bool inBlock = parts is [.., "input_blocks" or "output_blocks" or "label_emb"];
            if (inBlock && match.Length > 1)
                parts.AddRange([match.Value[..^1], match.Value[^1..]]);
            else
                parts.Add(match.Value);
            end = match.Index + match.Length;
        }

        return parts.Count > 0 && end == key.Length ? string.Join('.', parts) : null;
    }

    // A word precedes those that it begins with.
    [GeneratedRegex(
        "input_blocks|output_blocks|middle_block|time_embed|label_emb|in_layers|out_layers|emb_layers|skip_connection|" +
        "transformer_blocks|attn[12]|to_out|to_[qkv]|ff|net|proj_in|proj_out|proj|norm[123]?|op|conv|out|weight|bias|[0-9]+",
        RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
