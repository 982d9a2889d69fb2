using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>The mid block of encoder and decoder: single-head attention over all pixels between two residual blocks.</summary>
internal sealed class VaeMidBlock
{
    private readonly int _channels;
    private readonly ResnetBlock _resnet1;
    private readonly GroupNorm? _norm;
    private readonly Attention? _attention;
    private readonly ResnetBlock _resnet2;

    public VaeMidBlock(WeightScope weights, VaeConfig config)
    {
        _channels = config.BlockChannels[^1];
        _resnet1 = new ResnetBlock(weights["resnets.0"], _channels, _channels, config.Groups, VaeBlocks.Epsilon);
        _resnet2 = new ResnetBlock(weights["resnets.1"], _channels, _channels, config.Groups, VaeBlocks.Epsilon);
        if (config.MidAttention)
        {
            WeightScope attention = weights["attentions.0"];
            _norm = new GroupNorm(attention["group_norm"], _channels, config.Groups, VaeBlocks.Epsilon);
            _attention = new Attention(
                Projection(attention, "to_q", "query"),
                Projection(attention, "to_k", "key"),
                Projection(attention, "to_v", "value"),
                Projection(attention, "to_out.0", "proj_attn"),
                heads: 1);
        }
    }

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x)
    {
        x = _resnet1.Apply(graph, x);
        if (_attention is not null)
        {
            Value tokens = graph.ToTokens(_norm!.Apply(graph, x), _channels);
            x = graph.Add(x, graph.ToFeatureMaps(_attention.Apply(graph, tokens, tokens), x));
        }

        return _resnet2.Apply(graph, x);
    }

    // Files from before diffusers 0.17 use the older of the two names.
    private Linear Projection(WeightScope attention, string name, string olderName) =>
        new(attention[attention.Has($"{olderName}.weight") ? olderName : name], _channels, _channels);
}
