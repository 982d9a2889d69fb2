using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// A ControlNet: a copy of the U-Net's down and mid blocks, conditioned on a control image, whose residuals are added to the
/// U-Net's skip connections and mid block (Zhang et al., arXiv 2302.05543; diffusers' ControlNetModel). Graph:
/// <c>sample</c>, <c>timestep</c> and <c>encoder_hidden_states</c> as for the U-Net, <c>controlnet_cond</c>
/// [batch, 3, 8 height, 8 width] in 0..1 and <c>conditioning_scale</c> [1] → <c>down_block_0_additional_residual</c> and
/// so on, and <c>mid_block_additional_residual</c>. For SDXL, also <c>text_embeds</c> and <c>time_ids</c>.
/// </summary>
internal sealed class ControlNetGraph
{
    private readonly ControlNetConfig _config;
    private readonly TimestepEmbedding _timeEmbedding;
    private readonly Conv2d _convIn;
    private readonly ControlConditioningEmbedding _conditioning;
    private readonly UNetDownBlock[] _downBlocks;
    private readonly UNetMidBlock _midBlock;
    private readonly List<int> _skipChannels;
    private readonly Conv2d[] _downOut;
    private readonly Conv2d _midOut;

    /// <summary>Reads the weights of a ControlNet and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the ControlNet.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public ControlNetGraph(IWeights weights, ControlNetConfig config)
    {
        WeightScope root = new(weights);
        UNetConfig network = config.Network;
        int firstChannels = network.BlockChannels[0];
        _config = config;
        _timeEmbedding = new TimestepEmbedding(root, network);
        _convIn = new Conv2d(root["conv_in"], network.InChannels, firstChannels, network.KernelIn);
        _conditioning = new ControlConditioningEmbedding(root["controlnet_cond_embedding"], config);
        _downBlocks = new UNetDownBlock[network.BlockChannels.Count];
        _skipChannels = [firstChannels];
        for (int i = 0; i < _downBlocks.Length; i++)
        {
            _downBlocks[i] = new UNetDownBlock(root["down_blocks", i], network, i);
            _skipChannels.AddRange(_downBlocks[i].OutputChannels);
        }

        _midBlock = new UNetMidBlock(root["mid_block"], network);
        _downOut = [.. _skipChannels.Select((channels, i) => new Conv2d(root["controlnet_down_blocks", i], channels, channels, kernel: 1))];
        _midOut = new Conv2d(root["controlnet_mid_block"], network.BlockChannels[^1], network.BlockChannels[^1], kernel: 1);
    }

    /// <summary>Builds the graph.</summary>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build()
    {
        UNetConfig network = _config.Network;
        GraphBuilder graph = new("controlnet");
        Value sample = graph.Input("sample", "batch", network.InChannels, "height", "width");
        Value timestep = graph.Input("timestep", "steps");
        Value text = graph.Input("encoder_hidden_states", "batch", "sequence", network.TextWidth);
        Value image = graph.Input("controlnet_cond", "batch", _config.ConditioningChannels, "picture_height", "picture_width");
        Value scale = graph.Input("conditioning_scale", 1);
        (Value PooledText, Value Sizes)? added = network.Added is null
            ? null
            : (graph.Input("text_embeds", "batch", "pooled_width"), graph.Input("time_ids", "batch", "sizes"));

        Value time = graph.Silu(_timeEmbedding.Apply(graph, timestep, guidance: null, added));
        Value x = graph.Add(_convIn.Apply(graph, sample), _conditioning.Apply(graph, image));
        Stack<Value> skips = new([x]);
        foreach (UNetDownBlock block in _downBlocks)
            x = block.Apply(graph, x, time, text, skips);
        x = _midBlock.Apply(graph, x, time, text);

        Value[] residuals = [.. skips.Reverse()];
        for (int i = 0; i < residuals.Length; i++)
            Output(ControlResiduals.Down(i), _downOut[i], residuals[i], _skipChannels[i], network.SkipLevels[i]);
        Output(ControlResiduals.Middle, _midOut, x, network.BlockChannels[^1], network.BlockChannels.Count - 1);
        return graph;

        void Output(string name, Conv2d convolution, Value value, int channels, int level) =>
            graph.Output(name, graph.Mul(convolution.Apply(graph, value), scale), ControlResiduals.Shape(channels, level));
    }
}
