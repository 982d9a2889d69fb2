using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Tiny;

/// <summary>
/// The decoder of a tiny autoencoder (TAESD, https://github.com/madebyollin/taesd; diffusers' DecoderTiny). Graph:
/// <c>latent_sample</c> [batch, channels, height, width] → <c>sample</c> [batch, 3, factor · height, factor · width] of about -1 to 1.
/// </summary>
internal sealed class TinyDecoderGraph
{
    // Latents are squashed into this range by 3 tanh(x / 3).
    private const float Bound = 3;

    private readonly TinyVaeConfig _config;
    private readonly Conv2d _convIn;
    private readonly (TinyBlock[] Blocks, Conv2d Conv)[] _levels;

    /// <summary>Reads the weights of a decoder and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the autoencoder.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public TinyDecoderGraph(IWeights weights, TinyVaeConfig config)
    {
        WeightScope decoder = new WeightScope(weights)["decoder"];
        int channels = config.DecoderChannels;
        _config = config;
        _convIn = new Conv2d(decoder["layers", 0], config.LatentChannels, channels);
        _levels = new (TinyBlock[], Conv2d)[config.DecoderBlocks.Count];

        // Layers without weights count too: the ReLU after the first one, and an upsampling after the blocks of each resolution.
        int layer = 2;
        for (int level = 0; level < _levels.Length; level++)
        {
            bool isLast = level == _levels.Length - 1;
            List<TinyBlock> blocks = [];
            while (blocks.Count < config.DecoderBlocks[level])
                blocks.Add(new TinyBlock(decoder["layers", layer++], channels));
            layer += isLast ? 0 : 1;
            _levels[level] = ([.. blocks], new Conv2d(decoder["layers", layer++], channels, isLast ? TinyVaeConfig.ImageChannels : channels, hasBias: isLast));
        }
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("vae_decoder", precision);
        Value x = graph.ToComputed(graph.Input("latent_sample", "batch", _config.LatentChannels, "latent_height", "latent_width"));
        Value bound = graph.Scalar(Bound);
        x = graph.Mul(graph.Node("Tanh", [graph.Node("Div", [x, bound])]), bound);
        x = graph.Relu(_convIn.Apply(graph, x));
        for (int level = 0; level < _levels.Length; level++)
        {
            foreach (TinyBlock block in _levels[level].Blocks)
                x = block.Apply(graph, x);
            x = _levels[level].Conv.Apply(graph, level < _levels.Length - 1 ? graph.UpsampleNearest(x) : x);
        }

        // The published weights are for images of 0 to 1.
        x = graph.Add(graph.Mul(x, graph.Scalar(2)), graph.Scalar(-1));
        graph.Output("sample", x, "batch", TinyVaeConfig.ImageChannels, "height", "width");
        return graph;
    }
}
