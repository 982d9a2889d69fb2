namespace StableDiffusion.Text;

/// <summary>As much of a prompt as the text encoder takes at once: start, tokens, end and padding.</summary>
/// <param name="Ids">The ids, as many as the encoder takes.</param>
/// <param name="Weights">The weight of each id; 1 for start, end and padding.</param>
internal sealed record PromptChunk(int[] Ids, float[] Weights)
{
    public bool HasWeights => Array.Exists(Weights, static weight => weight != 1);
}
