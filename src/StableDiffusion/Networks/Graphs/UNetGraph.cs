using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// The U-Net that predicts the noise in a latent (Rombach et al., 2022; diffusers' UNet2DConditionModel). Graph:
/// <c>sample</c> [batch, channels, height, width], <c>timestep</c> [1 or batch] and <c>encoder_hidden_states</c>
/// [batch, sequence, width] → <c>out_sample</c> of the shape of the sample. For SDXL, also <c>text_embeds</c> [batch, width]
/// and <c>time_ids</c> [batch, 6], or 5 for the refiner; for models that were distilled with guidance,
/// <c>timestep_cond</c> [batch, width], the embedding of its scale. Further outputs are the feature maps that its outer layers take
/// (<see cref="DeepFeatures"/>).
/// </summary>
internal sealed class UNetGraph
{
    private readonly UNetConfig _config;
    private readonly TimestepEmbedding _timeEmbedding;
    private readonly Conv2d _convIn;
    private readonly UNetDownBlock[] _downBlocks;
    private readonly int[] _skipChannels;
    private readonly UNetMidBlock? _midBlock;
    private readonly UNetUpBlock[] _upBlocks;
    private readonly GroupNorm _normOut;
    private readonly Conv2d _convOut;

    /// <summary>Reads the weights of a U-Net and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the U-Net.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public UNetGraph(IWeights weights, UNetConfig config)
    {
        WeightScope root = new(weights);
        int blocks = config.BlockChannels.Count;
        int firstChannels = config.BlockChannels[0];
        _config = config;
        _timeEmbedding = new TimestepEmbedding(root, config);
        _convIn = new Conv2d(root["conv_in"], config.InChannels, firstChannels, config.KernelIn);

        Stack<int> skipChannels = new([firstChannels]);
        _downBlocks = new UNetDownBlock[blocks];
        for (int i = 0; i < blocks; i++)
        {
            _downBlocks[i] = new UNetDownBlock(root["down_blocks", i], config, i);
            foreach (int channels in _downBlocks[i].OutputChannels)
                skipChannels.Push(channels);
        }

        if (config.Middle)
            _midBlock = new UNetMidBlock(root["mid_block"], config);

        _skipChannels = [.. skipChannels.Reverse()];
        _upBlocks = new UNetUpBlock[blocks];
        for (int i = 0; i < blocks; i++)
            _upBlocks[i] = new UNetUpBlock(root["up_blocks", i], config, i, skipChannels);

        _normOut = new GroupNorm(root["conv_norm_out"], firstChannels, config.Groups, config.Epsilon);
        _convOut = new Conv2d(root["conv_out"], firstChannels, config.OutChannels, config.KernelOut);
    }

    /// <summary>The number of branches of outer layers: one for each layer of the last up block.</summary>
    public int Branches => Math.Min(_upBlocks[^1].Layers, DeepFeatures.MostBranches);

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <param name="takesResiduals">
    /// Whether it also has inputs for the residuals of ControlNets, which are added to the skip connections and to the output of
    /// the mid block: <c>down_block_0_additional_residual</c> and so on, and <c>mid_block_additional_residual</c>.
    /// </param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null, bool takesResiduals = false)
    {
        GraphBuilder graph = new("unet", precision);
        (Value x, Value time, Value text) = Begin(graph);
        Stack<Value> skips = new([x]);
        foreach (UNetDownBlock block in _downBlocks)
            x = block.Apply(graph, x, time, text, skips);
        if (_midBlock is not null)
            x = _midBlock.Apply(graph, x, time, text);
        if (takesResiduals)
        {
            skips = AddResiduals(graph, skips);
            x = graph.Add(x, graph.ToComputed(graph.Input(ControlResiduals.Middle, ControlResiduals.Shape(_config.BlockChannels[^1], _config.BlockChannels.Count - 1))));
        }

        List<Value> layerInputs = [];
        foreach (UNetUpBlock block in _upBlocks)
            x = block.Apply(graph, x, time, text, skips, layerInputs: block == _upBlocks[^1] ? layerInputs : null);
        End(graph, x);
        for (int branch = 0; branch < Branches && !takesResiduals; branch++)
            graph.Output(DeepFeatures.Output(branch), layerInputs[layerInputs.Count - 1 - branch], FeatureShape(branch));
        return graph;
    }

    /// <summary>
    /// Builds a graph of the outer layers alone: those of the first down block before the layer of a branch, and those of the
    /// last up block that use their skip connections. It has the inputs and the output of the whole graph, and takes what the
    /// inner layers made as <see cref="DeepFeatures.Input"/> (DeepCache: Ma et al., arXiv 2312.00858).
    /// </summary>
    /// <param name="branch">The branch, from 0 for the smallest graph.</param>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder BuildOuter(int branch, GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("unet_outer", precision);
        (Value x, Value time, Value text) = Begin(graph);
        Stack<Value> skips = new([x]);
        _downBlocks[0].Apply(graph, x, time, text, skips, branch);
        x = graph.ToComputed(graph.Input(DeepFeatures.Input, FeatureShape(branch)));
        End(graph, _upBlocks[^1].Apply(graph, x, time, text, skips, _upBlocks[^1].Layers - 1 - branch));
        return graph;
    }

    private (Value X, Value Time, Value Text) Begin(GraphBuilder graph)
    {
        Value sample = graph.ToComputed(graph.Input("sample", "batch", _config.InChannels, "height", "width"));
        Value timestep = graph.Input("timestep", "steps");
        Value text = graph.ToComputed(graph.Input("encoder_hidden_states", "batch", "sequence", _config.TextWidth));

        // Every residual block starts with the activation of the embedding, so it is computed once.
        Value time = graph.Silu(_timeEmbedding.Apply(graph, timestep, GuidanceInput(graph), _config.Added is null ? null : AddedInputs(graph)));
        return (_convIn.Apply(graph, sample), time, text);
    }

    private void End(GraphBuilder graph, Value x) =>
        graph.Output("out_sample", _convOut.Apply(graph, graph.Silu(_normOut.Apply(graph, x))), "batch", _config.OutChannels, "height", "width");

    private Dimension[] FeatureShape(int branch) =>
        ["batch", branch == _upBlocks[^1].Layers - 1 ? UNetUpBlock.InChannels(_config, level: 0) : _config.BlockChannels[0], "height", "width"];

    private Stack<Value> AddResiduals(GraphBuilder graph, Stack<Value> skips)
    {
        Value[] residuals = [.. skips.Reverse()];
        for (int i = 0; i < residuals.Length; i++)
            residuals[i] = graph.Add(residuals[i], graph.ToComputed(graph.Input(ControlResiduals.Down(i), ControlResiduals.Shape(_skipChannels[i], _config.SkipLevels[i]))));
        return new Stack<Value>(residuals);
    }

    private Value? GuidanceInput(GraphBuilder graph) =>
        _config.GuidanceWidth is int width ? graph.ToComputed(graph.Input("timestep_cond", "batch", width)) : null;

    // The width of the pooled text and the number of sizes are left open: the weights only determine their sum.
    private static (Value PooledText, Value Sizes) AddedInputs(GraphBuilder graph) =>
        (graph.ToComputed(graph.Input("text_embeds", "batch", "pooled_width")), graph.Input("time_ids", "batch", "sizes"));
}
