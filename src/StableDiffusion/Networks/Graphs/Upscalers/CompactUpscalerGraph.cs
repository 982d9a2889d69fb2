using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs.Upscalers;

/// <summary>
/// The compact network of Real-ESRGAN (BasicSR's SRVGGNetCompact): convolutions at the size of the input, whose result is added
/// to the enlarged input. Graph: <c>input</c> [batch, 3, height, width], RGB of 0 to 1 → <c>output</c> [batch, 3, scale · height,
/// scale · width].
/// </summary>
internal sealed class CompactUpscalerGraph
{
    private readonly UpscalerConfig _config;
    private readonly (Conv2d Convolution, Weight? Slopes)[] _layers;

    /// <summary>Reads the weights and checks them against the configuration.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public CompactUpscalerGraph(IWeights weights, UpscalerConfig config)
    {
        WeightScope scope = new(weights);
        _config = config;
        _layers = new (Conv2d, Weight?)[config.Blocks + 2];
        for (int i = 0; i < _layers.Length; i++)
        {
            bool isLast = i == _layers.Length - 1;
            Conv2d convolution = new(scope["body", 2 * i], i == 0 ? UpscalerConfig.ImageChannels : config.Features, isLast ? UpscalerConfig.ImageChannels * config.Scale * config.Scale : config.Features);
            _layers[i] = (convolution, isLast ? null : scope["body", (2 * i) + 1].Get("weight", config.Features));
        }
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("upscaler", precision);
        Value input = graph.ToComputed(graph.Input("input", "batch", UpscalerConfig.ImageChannels, "height", "width")), x = input;
        foreach ((Conv2d convolution, Weight? slopes) in _layers)
        {
            x = convolution.Apply(graph, x);
            if (slopes is not null)
                x = graph.Node("PRelu", [x, graph.Reshape(graph.Weight(slopes), _config.Features, 1, 1)]);
        }

        if (_config.Scale > 1)
            (x, input) = (graph.PixelShuffle(x, _config.Scale), graph.UpsampleNearest(input, _config.Scale));
        graph.Output("output", graph.Add(x, input), "batch", UpscalerConfig.ImageChannels, "out_height", "out_width");
        return graph;
    }
}
