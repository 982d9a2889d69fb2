using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>The mid block of the U-Net: a transformer between two residual blocks (UNetMidBlock2DCrossAttn).</summary>
internal sealed class UNetMidBlock
{
    private readonly ResnetBlock _resnet1;
    private readonly SpatialTransformer _attention;
    private readonly ResnetBlock _resnet2;

    public UNetMidBlock(WeightScope weights, UNetConfig config)
    {
        int channels = config.BlockChannels[^1];
        _resnet1 = new ResnetBlock(weights["resnets.0"], channels, channels, config.Groups, config.Epsilon, config.TimeWidth);
        _attention = new SpatialTransformer(
            weights["attentions.0"], channels, config.TextWidth, config.Heads[^1], config.TransformerLayers[^1], config.Groups);
        _resnet2 = new ResnetBlock(weights["resnets.1"], channels, channels, config.Groups, config.Epsilon, config.TimeWidth);
    }

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="time">The activated timestep embedding.</param>
    /// <param name="text">The text embedding.</param>
    /// <returns>Feature maps of the same shape.</returns>
    public Value Apply(GraphBuilder graph, Value x, Value time, Value text) =>
        _resnet2.Apply(graph, _attention.Apply(graph, _resnet1.Apply(graph, x, time), text), time);
}
