using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// The decoder of the autoencoder (diffusers' AutoencoderKL). Graph: <c>latent_sample</c> [batch, channels, height, width] as
/// the encoder computes it, without scaling → <c>sample</c> [batch, 3, factor · height, factor · width] of about -1 to 1.
/// </summary>
internal sealed class VaeDecoderGraph
{
    private readonly VaeConfig _config;
    private readonly Conv2d? _postQuantConv;
    private readonly Conv2d _convIn;
    private readonly VaeMidBlock _midBlock;
    private readonly ResnetBlock[][] _resnets;
    private readonly Upsample[] _upsamples;
    private readonly GroupNorm _normOut;
    private readonly Conv2d _convOut;

    /// <summary>Reads the weights of a decoder and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the autoencoder.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public VaeDecoderGraph(IWeights weights, VaeConfig config)
    {
        WeightScope root = new(weights);
        WeightScope decoder = root["decoder"];
        int levels = config.BlockChannels.Count;
        _config = config;
        if (config.PostQuantConv)
            _postQuantConv = new Conv2d(root["post_quant_conv"], config.LatentChannels, config.LatentChannels, kernel: 1);
        _convIn = new Conv2d(decoder["conv_in"], config.LatentChannels, config.BlockChannels[^1]);
        _midBlock = new VaeMidBlock(decoder["mid_block"], config);
        _resnets = new ResnetBlock[levels][];
        _upsamples = new Upsample[levels - 1];
        for (int i = 0; i < levels; i++)
        {
            WeightScope block = decoder["up_blocks", i];
            int inChannels = config.BlockChannels[^Math.Max(i, 1)];
            int channels = config.BlockChannels[^(i + 1)];
            _resnets[i] = VaeBlocks.Resnets(block, config.LayersPerBlock + 1, inChannels, channels, config.Groups);
            if (i < levels - 1)
                _upsamples[i] = new Upsample(block["upsamplers.0"], channels);
        }

        _normOut = new GroupNorm(decoder["conv_norm_out"], config.BlockChannels[0], config.Groups, VaeBlocks.Epsilon);
        _convOut = new Conv2d(decoder["conv_out"], config.BlockChannels[0], config.OutChannels);
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("vae_decoder", precision);
        Value x = graph.ToComputed(graph.Input("latent_sample", "batch", _config.LatentChannels, "latent_height", "latent_width"));
        if (_postQuantConv is not null)
            x = _postQuantConv.Apply(graph, x);
        x = _midBlock.Apply(graph, _convIn.Apply(graph, x));
        for (int i = 0; i < _resnets.Length; i++)
        {
            foreach (ResnetBlock resnet in _resnets[i])
                x = resnet.Apply(graph, x);
            if (i < _upsamples.Length)
                x = _upsamples[i].Apply(graph, x);
        }

        x = _convOut.Apply(graph, graph.Silu(_normOut.Apply(graph, x)));
        graph.Output("sample", x, "batch", _config.OutChannels, "height", "width");
        return graph;
    }
}
