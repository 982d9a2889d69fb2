using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A down block of the U-Net (DownBlock2D, CrossAttnDownBlock2D).</summary>
internal sealed class UNetDownBlock
{
    private readonly ResnetBlock[] _resnets;
    private readonly SpatialTransformer[]? _attentions;
    private readonly Downsample? _downsample;

    public UNetDownBlock(WeightScope weights, UNetConfig config, int level)
    {
        int layers = config.LayersPerBlock[level];
        int channels = config.BlockChannels[level];
        int inChannels = config.BlockChannels[Math.Max(level - 1, 0)];
        _resnets = new ResnetBlock[layers];
        _attentions = config.DownAttention[level] ? new SpatialTransformer[layers] : null;
        for (int i = 0; i < layers; i++)
        {
            _resnets[i] = new ResnetBlock(
                weights["resnets", i], i == 0 ? inChannels : channels, channels, config.Groups, config.Epsilon, config.TimeWidth);
            if (_attentions is not null)
            {
                _attentions[i] = new SpatialTransformer(
                    weights["attentions", i], channels, config.TextWidth, config.Heads[level], config.TransformerLayers[level], config.Groups);
            }
        }

        if (level < config.BlockChannels.Count - 1)
            _downsample = new Downsample(weights["downsamplers.0"], channels);

        OutputChannels = new int[layers + (_downsample is null ? 0 : 1)];
        Array.Fill(OutputChannels, channels);
    }

    /// <summary>The channels of each skip connection of the block.</summary>
    public int[] OutputChannels { get; }

    /// <summary>Adds the block, or its first layers, to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="time">The activated timestep embedding.</param>
    /// <param name="text">The text embedding.</param>
    /// <param name="skips">Receives the skip connections.</param>
    /// <param name="layers">The number of layers to add, without the downsampling; null for the whole block.</param>
    /// <returns>Feature maps of half the size, or of the same size for the last block and for layers.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value time, Value text, Stack<Value> skips, int? layers = null)
    {
        for (int i = 0; i < (layers ?? _resnets.Length); i++)
        {
            x = _resnets[i].Apply(graph, x, time);
            if (_attentions is not null)
                x = _attentions[i].Apply(graph, x, text);
            skips.Push(x);
        }

        if (_downsample is not null && layers is null)
        {
            x = _downsample.Apply(graph, x);
            skips.Push(x);
        }

        return x;
    }
}
