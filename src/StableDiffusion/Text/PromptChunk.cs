namespace StableDiffusion.Text;

/// <summary>One input sequence of the text encoder: start, tokens, end and padding.</summary>
/// <param name="Ids">The ids, as many as the encoder accepts.</param>
/// <param name="Weights">The weight of each id; 1 for start, end and padding.</param>
internal sealed record PromptChunk(int[] Ids, float[] Weights)
{
    public bool HasWeights => Array.Exists(Weights, static weight => weight != 1);
}
