using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>Brings the weights of tokens into what the text encoder made of them.</summary>
internal static class PromptWeighting
{
    /// <summary>Multiplies each token's vector by its weight (A1111's sd_emphasis.py).</summary>
    /// <param name="states">What the encoder gave, [1, tokens, width] each; changed in place.</param>
    /// <param name="chunks">The chunk of each.</param>
    /// <param name="keepsMean">Whether all values are then scaled so that their mean is what it was.</param>
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

    /// <summary>Moves each token's vector away from the empty prompt's by its weight (ComfyUI's sd1_clip.py).</summary>
    /// <param name="states">What the encoder gave, [1, tokens, width] each; changed in place.</param>
    /// <param name="chunks">The chunk of each.</param>
    /// <param name="empty">What the encoder gives for the empty prompt.</param>
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

    /// <summary>Joins two embeddings on their token axis.</summary>
    public static Tensor Append(Tensor first, Tensor second) =>
        new([.. first.Values, .. second.Values], 1, first.Shape[1] + second.Shape[1], first.Shape[2]);

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
