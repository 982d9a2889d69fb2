using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A transformer block of the U-Net: self-attention, cross-attention to the text, and a feed-forward layer.</summary>
internal sealed class TransformerBlock
{
    private const float Epsilon = 1e-5f;

    private readonly LayerNorm _norm1;
    private readonly LayerNorm _norm2;
    private readonly LayerNorm _norm3;
    private readonly Attention _selfAttention;
    private readonly Attention _crossAttention;
    private readonly FeedForward _feedForward;

    public TransformerBlock(WeightScope weights, int width, int textWidth, int heads)
    {
        _norm1 = new LayerNorm(weights["norm1"], width, Epsilon);
        _selfAttention = CreateAttention(weights["attn1"], width, width, heads);
        _norm2 = new LayerNorm(weights["norm2"], width, Epsilon);
        _crossAttention = CreateAttention(weights["attn2"], width, textWidth, heads);
        _norm3 = new LayerNorm(weights["norm3"], width, Epsilon);
        _feedForward = new FeedForward(weights["ff"], width);
    }

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Pixels as tokens [batch, tokens, width].</param>
    /// <param name="text">The text embedding [batch, sequence, text width].</param>
    /// <returns>Tokens [batch, tokens, width].</returns>
    public Value Apply(GraphBuilder graph, Value x, Value text)
    {
        Value normalized = _norm1.Apply(graph, x);
        x = graph.Add(x, _selfAttention.Apply(graph, normalized, normalized));
        x = graph.Add(x, _crossAttention.Apply(graph, _norm2.Apply(graph, x), text));
        return graph.Add(x, _feedForward.Apply(graph, _norm3.Apply(graph, x)));
    }

    private static Attention CreateAttention(WeightScope weights, int width, int contextWidth, int heads) => new(
        new Linear(weights["to_q"], width, width, bias: false),
        new Linear(weights["to_k"], contextWidth, width, bias: false),
        new Linear(weights["to_v"], contextWidth, width, bias: false),
        new Linear(weights["to_out.0"], width, width),
        heads);
}
