using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Upscalers;

/// <summary>
/// The generator of ESRGAN and Real-ESRGAN (BasicSR's RRDBNet). Graph: <c>input</c> [batch, 3, height, width], RGB of 0 to 1,
/// both sides multiples of <see cref="UpscalerConfig.Unshuffle"/> → <c>output</c> [batch, 3, scale · height, scale · width].
/// Sources: arXiv 1809.00219 and 2107.10833.
/// </summary>
internal sealed class ResidualUpscalerGraph
{
    private const int DenseBlocks = 3;

    private readonly UpscalerConfig _config;
    private readonly Conv2d _first;
    private readonly DenseBlock[][] _body;
    private readonly Conv2d _afterBody;
    private readonly Conv2d[] _doublings;
    private readonly Conv2d _high;
    private readonly Conv2d _last;

    /// <summary>Reads the weights and checks them against the configuration.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public ResidualUpscalerGraph(IWeights weights, UpscalerConfig config)
    {
        WeightScope scope = new(weights);
        int features = config.Features;
        _config = config;
        _first = new Conv2d(scope["conv_first"], UpscalerConfig.ImageChannels * config.Unshuffle * config.Unshuffle, features);
        _body = [.. Enumerable.Range(0, config.Blocks).Select(i => Enumerable.Range(1, DenseBlocks).Select(j => new DenseBlock(scope["body", i][$"rdb{j}"], features, config.Growth)).ToArray())];
        _afterBody = new Conv2d(scope["conv_body"], features, features);
        _doublings = [.. Enumerable.Range(1, config.Doublings).Select(i => new Conv2d(scope[$"conv_up{i}"], features, features))];
        _high = new Conv2d(scope["conv_hr"], features, features);
        _last = new Conv2d(scope["conv_last"], features, UpscalerConfig.ImageChannels);
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("upscaler", precision);
        Value x = graph.ToComputed(graph.Input("input", "batch", UpscalerConfig.ImageChannels, "height", "width"));
        if (_config.Unshuffle > 1)
            x = graph.PixelUnshuffle(x, UpscalerConfig.ImageChannels, _config.Unshuffle);
        Value features = _first.Apply(graph, x), y = features;
        foreach (DenseBlock[] blocks in _body)
            y = DenseBlock.AddTo(graph, y, blocks.Aggregate(y, (value, block) => block.Apply(graph, value)));
        y = graph.Add(features, _afterBody.Apply(graph, y));
        foreach (Conv2d convolution in _doublings)
            y = graph.LeakyRelu(convolution.Apply(graph, graph.UpsampleNearest(y)), DenseBlock.Slope);
        y = _last.Apply(graph, graph.LeakyRelu(_high.Apply(graph, y), DenseBlock.Slope));
        graph.Output("output", y, "batch", UpscalerConfig.ImageChannels, "out_height", "out_width");
        return graph;
    }
}
