using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// The timestep embedding of the U-Net: a sinusoidal embedding and two layers (Ho et al., 2020). SDXL adds embeddings of the
/// pooled text and the image sizes (Podell et al., 2023), and models that were distilled with guidance add one of its scale
/// before the layers (Meng et al., arXiv 2210.03142; LCM: Luo et al., arXiv 2310.04378).
/// </summary>
internal sealed class TimestepEmbedding
{
    private readonly SinusoidalWaves _timeWaves;
    private readonly Linear[] _timeLayers;
    private readonly Linear? _guidance;
    private readonly SinusoidalWaves? _sizeWaves;
    private readonly Linear[] _addedLayers = [];

    /// <summary>Reads the weights of the embedding.</summary>
    /// <param name="weights">The weights of the U-Net.</param>
    /// <param name="config">The configuration of the U-Net.</param>
    public TimestepEmbedding(WeightScope weights, UNetConfig config)
    {
        _timeWaves = new SinusoidalWaves(config.BlockChannels[0], config.CosinesFirst, config.FrequencyShift);
        _timeLayers = TakeLayers(weights["time_embedding"], config.BlockChannels[0], config.TimeWidth);
        if (config.GuidanceWidth is int guidance)
            _guidance = new Linear(weights["time_embedding"]["cond_proj"], guidance, config.BlockChannels[0], bias: false);
        if (config.Added is { } added)
        {
            _sizeWaves = new SinusoidalWaves(added.WaveWidth, config.CosinesFirst, config.FrequencyShift);
            _addedLayers = TakeLayers(weights["add_embedding"], added.Width, config.TimeWidth);
        }
    }

    /// <summary>Adds the embedding to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="timestep">Timesteps [steps]; may be fractional.</param>
    /// <param name="guidance">The embedding of the guidance scale [batch, width], if the U-Net uses it.</param>
    /// <param name="added">The pooled text [batch, pooled width] and the sizes [batch, count], if the U-Net uses them.</param>
    /// <returns>Embeddings [steps or batch, width].</returns>
    public Value Apply(GraphBuilder graph, Value timestep, Value? guidance, (Value PooledText, Value Sizes)? added)
    {
        Value waves = _timeWaves.Apply(graph, timestep);
        if (_guidance is not null)
            waves = graph.Add(waves, _guidance.Apply(graph, guidance!.Value));
        Value time = ApplyLayers(graph, _timeLayers, waves);
        if (added is not { } conditioning)
            return time;

        Value rows = graph.Reshape(_sizeWaves!.Apply(graph, conditioning.Sizes), 0, -1);
        return graph.Add(time, ApplyLayers(graph, _addedLayers, graph.Concat(1, conditioning.PooledText, rows)));
    }

    private static Linear[] TakeLayers(WeightScope weights, int inWidth, int width) =>
        [new(weights["linear_1"], inWidth, width), new(weights["linear_2"], width, width)];

    private static Value ApplyLayers(GraphBuilder graph, Linear[] layers, Value x) =>
        layers[1].Apply(graph, graph.Silu(layers[0].Apply(graph, x)));
}
