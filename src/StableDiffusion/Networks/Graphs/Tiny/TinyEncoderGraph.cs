using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Tiny;

/// <summary>
/// The encoder of a tiny autoencoder (TAESD, https://github.com/madebyollin/taesd; diffusers' EncoderTiny). Graph:
/// <c>sample</c> [batch, 3, height, width] of -1 to 1 → <c>latent_sample</c> [batch, channels, height / factor, width / factor].
/// It gives one latent, not a distribution.
/// </summary>
internal sealed class TinyEncoderGraph
{
    private readonly TinyVaeConfig _config;
    private readonly Conv2d _convIn;
    private readonly (Conv2d? Downsample, TinyBlock[] Blocks)[] _levels;
    private readonly Conv2d _convOut;

    /// <summary>Reads the weights of an encoder and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the autoencoder.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public TinyEncoderGraph(IWeights weights, TinyVaeConfig config)
    {
        WeightScope encoder = new WeightScope(weights)["encoder"];
        int channels = config.EncoderChannels, layer = 0;
        _config = config;
        _convIn = new Conv2d(encoder["layers", layer++], TinyVaeConfig.ImageChannels, channels);
        _levels = new (Conv2d?, TinyBlock[])[config.EncoderBlocks.Count];
        for (int level = 0; level < _levels.Length; level++)
        {
            Conv2d? downsample = level == 0 ? null : new Conv2d(encoder["layers", layer++], channels, channels, stride: 2, hasBias: false);
            List<TinyBlock> blocks = [];
            while (blocks.Count < config.EncoderBlocks[level])
                blocks.Add(new TinyBlock(encoder["layers", layer++], channels));
            _levels[level] = (downsample, [.. blocks]);
        }

        _convOut = new Conv2d(encoder["layers", layer], channels, config.LatentChannels);
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("vae_encoder", precision);
        Value x = graph.ToComputed(graph.Input("sample", "batch", TinyVaeConfig.ImageChannels, "height", "width"));

        // The published weights are for images of 0 to 1.
        x = _convIn.Apply(graph, graph.Mul(graph.Add(x, graph.Scalar(1)), graph.Scalar(0.5f)));
        foreach ((Conv2d? downsample, TinyBlock[] blocks) in _levels)
        {
            x = downsample?.Apply(graph, x) ?? x;
            foreach (TinyBlock block in blocks)
                x = block.Apply(graph, x);
        }

        graph.Output("latent_sample", _convOut.Apply(graph, x), "batch", _config.LatentChannels, "latent_height", "latent_width");
        return graph;
    }
}
