using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>The cross-attention of a layer of the U-Net in a step: how much each pixel attends to each token. The weights of a pixel sum to 1.</summary>
public sealed class AttentionWeights
{
    internal AttentionWeights(string layer, int step, int latentHeight, int latentWidth, Tensor weights, IReadOnlyList<PromptToken> promptTokens)
    {
        (Layer, Step, PromptTokens) = (layer, step, promptTokens);
        (LatentHeight, LatentWidth) = (latentHeight, latentWidth);
        (Heads, Tokens) = (weights.Shape[1], weights.Shape[3]);
        Weights = weights.Reshape(Heads, weights.Shape[2], Tokens);
        (Height, Width) = (latentHeight, latentWidth);

        // A convolution with a stride of 2 rounds odd sides up.
        while (Height * Width > weights.Shape[2])
            (Height, Width) = ((Height + 1) / 2, (Width + 1) / 2);
        if (Height * Width != weights.Shape[2])
            throw new ModelInvalidException($"The layer '{layer}' has {weights.Shape[2]} pixels for a latent of {latentWidth}x{latentHeight}, which no U-Net has. Get another model.");
    }

    /// <summary>The layer, such as <c>mid_block.attentions.0.transformer_blocks.0</c>.</summary>
    public string Layer { get; }

    /// <summary>The step, from 1.</summary>
    public int Step { get; }

    /// <summary>The number of heads.</summary>
    public int Heads { get; }

    /// <summary>The number of rows of pixels of the layer's feature maps.</summary>
    public int Height { get; }

    /// <summary>The number of pixels in a row.</summary>
    public int Width { get; }

    /// <summary>The number of tokens, with start, end and padding.</summary>
    public int Tokens { get; }

    /// <summary>The tokens of the prompt itself; the first of a chunk is at the position 1 of that.</summary>
    public IReadOnlyList<PromptToken> PromptTokens { get; }

    /// <summary>The weights, [heads, height * width, tokens].</summary>
    public Tensor Weights { get; }

    /// <summary>The height of the latent.</summary>
    internal int LatentHeight { get; }

    /// <summary>The width of the latent.</summary>
    internal int LatentWidth { get; }

    /// <summary>How much each pixel attends to tokens: the mean over their positions and over heads.</summary>
    /// <param name="positions">The positions of the tokens.</param>
    /// <param name="head">The head; null for the mean of all.</param>
    /// <returns>The map, [1, 1, height, width].</returns>
    internal Tensor MapOf(IReadOnlyList<int> positions, int? head)
    {
        Tensor map = new(1, 1, Height, Width);
        (int first, int count) = head is int one ? (one, 1) : (0, Heads);
        for (int pixel = 0; pixel < map.Length; pixel++)
        {
            double sum = 0;
            for (int i = first; i < first + count; i++)
            {
                foreach (int position in positions)
                    sum += Weights.Values[(((i * map.Length) + pixel) * Tokens) + position];
            }

            map.Values[pixel] = (float)(sum / (count * positions.Count));
        }

        return map;
    }

    /// <summary>The weights as text.</summary>
    /// <returns>The step, the layer and its size.</returns>
    public override string ToString() => $"step {Step}, {Layer}, {Heads} heads of {Width}x{Height}";
}
