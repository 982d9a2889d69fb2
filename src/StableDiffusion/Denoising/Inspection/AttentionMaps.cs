namespace StableDiffusion.Denoising.Inspection;

/// <summary>Makes maps of the attention that a denoising kept.</summary>
public static class AttentionMaps
{
    /// <summary>Makes maps.</summary>
    /// <param name="latent">The latent of a denoising that kept its attention.</param>
    /// <param name="words">The words of the prompt; null for each of its tokens.</param>
    /// <param name="byStep">Whether there is a map for each step, rather than their mean.</param>
    /// <param name="byLayer">Whether there is a map for each layer, rather than their mean.</param>
    /// <param name="byHead">Whether there is a map for each head, rather than their mean.</param>
    /// <returns>The maps, by word, step, layer and head.</returns>
    /// <exception cref="InvalidSettingException">The latent has no attention, or the prompt does not have a word.</exception>
    public static IReadOnlyList<AttentionMap> Of(Latent latent, IReadOnlyList<string>? words, bool byStep = false, bool byLayer = false, bool byHead = false)
    {
        ArgumentNullException.ThrowIfNull(latent);
        if (latent is not StepLatent { Attention: [AttentionWeights first, ..] all })
            throw new InvalidSettingException(nameof(Latent), "The latent has no attention. Denoise with Attention, which keeps it; a copy or a file of a latent has none.");

        // Layers differ in their heads, so that a head without its layer means nothing.
        byLayer |= byHead;
        List<AttentionMap> maps = [];
        foreach ((string word, IReadOnlyList<int> positions) in words is null ? Each(first) : words.Select(word => (word, Positions(first, word))))
        {
            foreach (IGrouping<(int, string), AttentionWeights> group in all.GroupBy(weights => (byStep ? weights.Step : 0, byLayer ? weights.Layer : string.Empty)))
            {
                AttentionWeights[] weights = [.. group];
                maps.AddRange(byHead
                    ? Enumerable.Range(0, weights[0].Heads).Select(head => AttentionMap.Of(weights, word, positions, head))
                    : [AttentionMap.Of(weights, word, positions, head: null)]);
            }
        }

        return maps;
    }

    private static IEnumerable<(string Word, IReadOnlyList<int> Positions)> Each(AttentionWeights weights) =>
        weights.PromptTokens.Select(static token => token.Text).Distinct(StringComparer.OrdinalIgnoreCase).Select(text => (text, AttentionMap.Find(weights.PromptTokens, text)));

    private static IReadOnlyList<int> Positions(AttentionWeights weights, string word) => AttentionMap.Find(weights.PromptTokens, word) is { Count: > 0 } found && found.Max() < weights.Tokens
        ? found
        : throw new InvalidSettingException("Token", $"The prompt has no word '{PrintableText.Of(word)}'. Its tokens are {string.Join(", ", weights.PromptTokens.Select(static token => PrintableText.Of(token.Text)).Distinct())}.");
}
