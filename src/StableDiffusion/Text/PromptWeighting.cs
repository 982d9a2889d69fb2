using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>Applies the weights of tokens to the output of the text encoder.</summary>
internal static class PromptWeighting
{
    /// <summary>Multiplies each token's vector by its weight (A1111's sd_emphasis.py).</summary>
    /// <param name="states">The outputs of the encoder, [1, tokens, width] each; changed in place.</param>
    /// <param name="chunks">The chunk of each output.</param>
    /// <param name="keepsMean">Whether all values are then scaled to restore their mean.</param>
    public static void Multiply(Tensor[] states, PromptChunk[] chunks, bool keepsMean)
    {
        double before = keepsMean ? Mean(states) : 0;
        for (int i = 0; i < states.Length; i++)
        {
            int width = states[i].Shape[2];
            for (int token = 0; token < chunks[i].Weights.Length; token++)
            {
                Span<float> vector = states[i].Span.Slice(token * width, width);
                if (chunks[i].Weights[token] != 1)
                    TensorPrimitives.Multiply(vector, chunks[i].Weights[token], vector);
            }
        }

        if (!keepsMean || !Array.Exists(chunks, chunk => chunk.HasWeights))
            return;

        float scale = (float)(before / Mean(states));
        foreach (Tensor state in states)
            TensorPrimitives.Multiply(state.Span, scale, state.Span);
    }

    /// <summary>Scales each token vector's difference to that of the empty prompt by its weight (ComfyUI's sd1_clip.py).</summary>
    /// <param name="states">The outputs of the encoder, [1, tokens, width] each; changed in place.</param>
    /// <param name="chunks">The chunk of each output.</param>
    /// <param name="empty">The output of the encoder for the empty prompt.</param>
    public static void Interpolate(Tensor[] states, PromptChunk[] chunks, Tensor empty)
    {
        int width = empty.Shape[2];
        for (int i = 0; i < states.Length; i++)
        {
            for (int token = 0; token < chunks[i].Weights.Length; token++)
            {
                float weight = chunks[i].Weights[token];
                if (weight == 1)
                    continue;

                Span<float> vector = states[i].Span.Slice(token * width, width);
                ReadOnlySpan<float> origin = empty.Span.Slice(token * width, width);
                TensorPrimitives.Subtract(vector, origin, vector);
                TensorPrimitives.Multiply(vector, weight, vector);
                TensorPrimitives.Add(vector, origin, vector);
            }
        }
    }

    /// <summary>Joins embeddings along the token axis.</summary>
    public static Tensor Join(IReadOnlyList<Tensor> chunks) => chunks is [Tensor only]
        ? only
        : new([.. chunks.SelectMany(static chunk => chunk.Values)], 1, chunks.Sum(static chunk => chunk.Shape[1]), chunks[0].Shape[2]);

    private static double Mean(Tensor[] states)
    {
        double sum = 0;
        long count = 0;
        foreach (Tensor state in states)
        {
            foreach (float value in state.Values)
                sum += value;
            count += state.Length;
        }

        return sum / count;
    }
}
