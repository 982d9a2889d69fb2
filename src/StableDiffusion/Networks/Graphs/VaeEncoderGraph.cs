using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// The encoder of the autoencoder (Kingma and Welling, 2013; diffusers' AutoencoderKL). Graph: <c>sample</c>
/// [batch, 3, height, width] of -1 to 1 → <c>latent_parameters</c> [batch, 2 · channels, height / factor, width / factor]:
/// means, then logarithms of variances, without scaling.
/// </summary>
internal sealed class VaeEncoderGraph
{
    private readonly VaeConfig _config;
    private readonly Conv2d _convIn;
    private readonly ResnetBlock[][] _resnets;
    private readonly Downsample[] _downsamples;
    private readonly VaeMidBlock _midBlock;
    private readonly GroupNorm _normOut;
    private readonly Conv2d _convOut;
    private readonly Conv2d? _quantConv;

    /// <summary>Reads the weights of an encoder and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the autoencoder.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public VaeEncoderGraph(IWeights weights, VaeConfig config)
    {
        WeightScope root = new(weights);
        WeightScope encoder = root["encoder"];
        int levels = config.BlockChannels.Count;
        int lastChannels = config.BlockChannels[^1];
        int parameters = 2 * config.LatentChannels;
        _config = config;
        _convIn = new Conv2d(encoder["conv_in"], config.InChannels, config.BlockChannels[0]);
        _resnets = new ResnetBlock[levels][];
        _downsamples = new Downsample[levels - 1];
        for (int level = 0; level < levels; level++)
        {
            WeightScope block = encoder["down_blocks", level];
            int inChannels = config.BlockChannels[Math.Max(level - 1, 0)];
            int channels = config.BlockChannels[level];
            _resnets[level] = VaeBlocks.Resnets(block, config.LayersPerBlock, inChannels, channels, config.Groups);
            if (level < levels - 1)
                _downsamples[level] = new Downsample(block["downsamplers.0"], channels, padBeyond: true);
        }

        _midBlock = new VaeMidBlock(encoder["mid_block"], config);
        _normOut = new GroupNorm(encoder["conv_norm_out"], lastChannels, config.Groups, VaeBlocks.Epsilon);
        _convOut = new Conv2d(encoder["conv_out"], lastChannels, parameters);
        if (config.QuantConv)
            _quantConv = new Conv2d(root["quant_conv"], parameters, parameters, kernel: 1);
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("vae_encoder", precision);
        Value x = graph.ToComputed(graph.Input("sample", "batch", _config.InChannels, "height", "width"));
        x = _convIn.Apply(graph, x);
        for (int level = 0; level < _resnets.Length; level++)
        {
            foreach (ResnetBlock resnet in _resnets[level])
                x = resnet.Apply(graph, x);
            if (level < _downsamples.Length)
                x = _downsamples[level].Apply(graph, x);
        }

        x = _midBlock.Apply(graph, x);
        x = _convOut.Apply(graph, graph.Silu(_normOut.Apply(graph, x)));
        if (_quantConv is not null)
            x = _quantConv.Apply(graph, x);

        graph.Output("latent_parameters", x, "batch", 2 * _config.LatentChannels, "latent_height", "latent_width");
        return graph;
    }
}
