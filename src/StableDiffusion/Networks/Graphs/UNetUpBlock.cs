using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>An up block of the U-Net (UpBlock2D, CrossAttnUpBlock2D): each residual block uses a skip connection of the down blocks.</summary>
internal sealed class UNetUpBlock
{
    private readonly ResnetBlock[] _resnets;
    private readonly SpatialTransformer[]? _attentions;
    private readonly Upsample? _upsample;

    /// <summary>Reads the weights of a block.</summary>
    /// <param name="weights">The weights of the block.</param>
    /// <param name="config">The configuration of the U-Net.</param>
    /// <param name="index">The index of the block, from the lowest resolution.</param>
    /// <param name="skipChannels">The channels of the remaining skip connections; those that the block uses are removed.</param>
    public UNetUpBlock(WeightScope weights, UNetConfig config, int index, Stack<int> skipChannels)
    {
        int level = config.BlockChannels.Count - 1 - index;
        int layers = config.LayersPerBlock[level] + 1;
        int channels = config.BlockChannels[level];
        int inChannels = InChannels(config, level);
        _resnets = new ResnetBlock[layers];
        _attentions = config.UpAttention[index] ? new SpatialTransformer[layers] : null;
        for (int i = 0; i < layers; i++)
        {
            _resnets[i] = new ResnetBlock(
                weights["resnets", i],
                (i == 0 ? inChannels : channels) + skipChannels.Pop(),
                channels,
                config.Groups,
                config.Epsilon,
                config.TimeWidth);
            if (_attentions is not null)
            {
                _attentions[i] = new SpatialTransformer(
                    weights["attentions", i], channels, config.TextWidth, config.Heads[level], config.TransformerLayers[level], config.Groups);
            }
        }

        if (level > 0)
            _upsample = new Upsample(weights["upsamplers.0"], channels);
    }

    /// <summary>The channels of the feature maps that a block takes, besides those of the skip connections.</summary>
    /// <param name="config">The configuration of the U-Net.</param>
    /// <param name="level">How often the latent is halved at the block.</param>
    public static int InChannels(UNetConfig config, int level) => config.BlockChannels[Math.Min(level + 1, config.BlockChannels.Count - 1)];

    /// <summary>Its number of layers: residual blocks, each with an attention if the block has them.</summary>
    public int Layers => _resnets.Length;

    /// <summary>Adds the block, or its last layers, to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="time">The activated timestep embedding.</param>
    /// <param name="text">The text embedding.</param>
    /// <param name="skips">The remaining skip connections; those that the block uses are removed.</param>
    /// <param name="firstLayer">The first layer to add, whose input is <paramref name="x"/>.</param>
    /// <param name="layerInputs">Receives the input of each layer; may be null.</param>
    /// <returns>Feature maps of twice the size, or of the same size for the last block.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value time, Value text, Stack<Value> skips, int firstLayer = 0, List<Value>? layerInputs = null)
    {
        for (int i = firstLayer; i < _resnets.Length; i++)
        {
            layerInputs?.Add(x);
            x = _resnets[i].Apply(graph, graph.Concat(1, x, skips.Pop()), time);
            if (_attentions is not null)
                x = _attentions[i].Apply(graph, x, text);
        }

        return _upsample is null ? x : _upsample.Apply(graph, x, like: skips.Peek());
    }
}
