using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A layer of CLIP's text encoder: causal self-attention, followed by a feed-forward layer.</summary>
internal sealed class ClipLayer
{
    private readonly bool _quickGelu;
    private readonly LayerNorm _norm1;
    private readonly Attention _attention;
    private readonly LayerNorm _norm2;
    private readonly Linear _widen;
    private readonly Linear _narrow;

    public ClipLayer(WeightScope weights, ClipTextConfig config)
    {
        WeightScope attention = weights["self_attn"];
        _quickGelu = config.QuickGelu;
        _norm1 = new LayerNorm(weights["layer_norm1"], config.Width, config.LayerNormEpsilon);
        _attention = new Attention(
            new Linear(attention["q_proj"], config.Width, config.Width),
            new Linear(attention["k_proj"], config.Width, config.Width),
            new Linear(attention["v_proj"], config.Width, config.Width),
            new Linear(attention["out_proj"], config.Width, config.Width),
            config.Heads,
            causal: true);
        _norm2 = new LayerNorm(weights["layer_norm2"], config.Width, config.LayerNormEpsilon);
        _widen = new Linear(weights["mlp.fc1"], config.Width, config.InnerWidth);
        _narrow = new Linear(weights["mlp.fc2"], config.InnerWidth, config.Width);
    }

    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Tokens [batch, sequence, width].</param>
    /// <returns>Tokens of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        Value normalized = _norm1.Apply(graph, x);
        x = graph.Add(x, _attention.Apply(graph, normalized, normalized));
        Value inner = _widen.Apply(graph, _norm2.Apply(graph, x));
        return graph.Add(x, _narrow.Apply(graph, _quickGelu ? graph.QuickGelu(inner) : graph.Gelu(inner)));
    }
}
