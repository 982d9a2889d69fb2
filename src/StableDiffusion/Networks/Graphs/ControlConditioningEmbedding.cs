using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Reduces the control image to the size of the latent (diffusers' ControlNetConditioningEmbedding): convolutions, every second of which halves it.</summary>
internal sealed class ControlConditioningEmbedding
{
    private readonly bool _exchangesRedAndBlue;
    private readonly Conv2d _convIn;
    private readonly Conv2d[] _blocks;
    private readonly Conv2d _convOut;

    /// <summary>Reads the weights of the embedding.</summary>
    /// <param name="weights">The weights of the embedding.</param>
    /// <param name="config">The configuration of the ControlNet.</param>
    public ControlConditioningEmbedding(WeightScope weights, ControlNetConfig config)
    {
        IReadOnlyList<int> channels = config.ConditioningEmbeddingChannels;
        _exchangesRedAndBlue = config.TakesBlueFirst;
        _convIn = new Conv2d(weights["conv_in"], config.ConditioningChannels, channels[0]);
        _blocks = new Conv2d[2 * (channels.Count - 1)];
        for (int i = 0; i < channels.Count - 1; i++)
        {
            _blocks[2 * i] = new Conv2d(weights["blocks", 2 * i], channels[i], channels[i]);
            _blocks[(2 * i) + 1] = new Conv2d(weights["blocks", (2 * i) + 1], channels[i], channels[i + 1], stride: 2);
        }

        _convOut = new Conv2d(weights["conv_out"], channels[^1], config.Network.BlockChannels[0]);
    }

    /// <summary>Adds the embedding to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="image">Control images [batch, 3, height, width] in the order red, green, blue.</param>
    /// <returns>The feature maps to add to the first convolution of the latent.</returns>
    public Value Apply(GraphBuilder graph, Value image)
    {
        Value x = _exchangesRedAndBlue ? graph.Node("Gather", [image, graph.Integers(2, 1, 0)], [("axis", 1)]) : image;
        x = graph.Silu(_convIn.Apply(graph, x));
        foreach (Conv2d block in _blocks)
            x = graph.Silu(block.Apply(graph, x));
        return _convOut.Apply(graph, x);
    }
}
