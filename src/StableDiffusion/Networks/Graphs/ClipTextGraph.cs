using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// CLIP's text encoder (Radford et al., 2021; transformers' CLIPTextModel and CLIPTextModelWithProjection). Graph:
/// <c>input_ids</c> integers [batch, sequence] → <c>last_hidden_state</c> [batch, sequence, width] and, for the token that
/// ends each text, <c>pooler_output</c> [batch, width] or <c>text_embeds</c> [batch, projected width].
/// Two inputs are optional: <c>clip_skip</c> chooses the layer of the hidden state, 1 for the last one;
/// <c>added_embeddings</c> [added, width] are the vectors of textual inversion (Gal et al., arXiv 2208.01618), for the ids
/// from the size of the vocabulary on.
/// </summary>
internal sealed class ClipTextGraph
{
    // Configurations from before transformers 4.31 always had 2 here, whatever the vocabulary; the largest id was then taken as
    // the end of a text.
    private const int LegacyEosTokenId = 2;

    private const int Penultimate = 2;

    private readonly ClipTextConfig _config;
    private readonly bool _isPenultimate;
    private readonly Weight _tokens;
    private readonly Weight _positions;
    private readonly ClipLayer[] _layers;
    private readonly LayerNorm _norm;
    private readonly Linear? _projection;

    /// <summary>Reads the weights of an encoder and checks them against its configuration.</summary>
    /// <param name="weights">The weights of the encoder.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="isPenultimate">
    /// Whether the hidden state is that of the last layer but one without normalization, as for SDXL; otherwise it is that of the
    /// last layer after the final normalization.
    /// </param>
    /// <exception cref="ModelInvalidException">A weight is missing or does not have the shape that the configuration requires.</exception>
    public ClipTextGraph(IWeights weights, ClipTextConfig config, bool isPenultimate = false)
    {
        WeightScope all = new(weights);
        WeightScope root = all["text_model"];
        WeightScope embeddings = root["embeddings"];
        _config = config;
        _isPenultimate = isPenultimate;
        _tokens = embeddings.Get("token_embedding.weight", config.VocabSize, config.Width);
        _positions = embeddings.Get("position_embedding.weight", config.MaxPositions, config.Width);
        _layers = new ClipLayer[config.Layers];
        for (int i = 0; i < config.Layers; i++)
            _layers[i] = new ClipLayer(root["encoder.layers", i], config);
        _norm = new LayerNorm(root["final_layer_norm"], config.Width, config.LayerNormEpsilon);
        _projection = all["text_projection"].Has("weight")
            ? new Linear(all["text_projection"], config.Width, config.ProjectionWidth, bias: false)
            : null;
    }

    /// <summary>Builds the graph.</summary>
    /// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
    /// <returns>The unsaved graph.</returns>
    public GraphBuilder Build(GraphPrecision? precision = null)
    {
        GraphBuilder graph = new("text_encoder", precision);
        Value ids = graph.IntegerInput("input_ids", "batch", "sequence");
        Value skip = graph.OptionalInteger("clip_skip", _isPenultimate ? Penultimate : 1);
        Value length = graph.Shape(ids, 1, 2);
        Value positions = graph.Slice(graph.Weight(_positions), graph.Integers(0), length, axis: 0);
        Value x = graph.Add(Embed(graph, ids), positions);
        Value[] states = new Value[_layers.Length];
        for (int i = 0; i < _layers.Length; i++)
        {
            x = _layers[i].Apply(graph, x);
            states[i] = graph.Node("Unsqueeze", [x, graph.Integers(0)]);
        }

        Value layer = graph.Node("Sub", [graph.Integers(_layers.Length), skip]);
        Value chosen = graph.Node("Squeeze", [graph.Node("Gather", [graph.Concat(0, states), layer]), graph.Integers(0)]);
        graph.Output("last_hidden_state", _isPenultimate ? chosen : _norm.Apply(graph, chosen), "batch", "sequence", _config.Width);

        Value end = Pool(graph, x, ids, length);
        if (_projection is null)
            graph.Output("pooler_output", end, "batch", _config.Width);
        else
            graph.Output("text_embeds", _projection.Apply(graph, end), "batch", _config.ProjectionWidth);
        return graph;
    }

    private Value Embed(GraphBuilder graph, Value ids)
    {
        Value added = graph.ToComputed(graph.OptionalInput("added_embeddings", new float[_config.Width], [1, _config.Width], "added", _config.Width));
        Value size = graph.Integers(_config.VocabSize);
        Value known = graph.Node("Gather", [graph.Weight(_tokens), graph.Node("Min", [ids, graph.Integers(_config.VocabSize - 1)])]);
        Value learned = graph.Node("Gather", [added, graph.Node("Max", [graph.Node("Sub", [ids, size]), graph.Integers(0)])]);
        Value isKnown = graph.Node("Unsqueeze", [graph.Node("Less", [ids, size]), graph.Integers(-1)]);
        return graph.Node("Where", [isKnown, known, learned]);
    }

    /// <remarks>
    /// The marks fall from token to token, so that the first end is the only greatest one: texts are padded with more of them, and
    /// not every device is bound to take the first of equal ones. They are floats, since CUDA has no ArgMax of integers.
    /// </remarks>
    private Value Pool(GraphBuilder graph, Value x, Value ids, Value length)
    {
        const long Float = 1;
        int endId = _config.EosTokenId == LegacyEosTokenId ? _config.VocabSize - 1 : _config.EosTokenId;
        float[] falling = [.. Enumerable.Range(0, _config.MaxPositions).Select(position => (float)(_config.MaxPositions - position))];
        Value marks = graph.Mul(
            graph.Node("Cast", [graph.Node("Equal", [ids, graph.Integers(endId)])], [("to", Float)]),
            graph.Slice(graph.Floats(falling), graph.Integers(0), length, axis: 0));
        Value end = graph.Node("ArgMax", [marks], [("axis", 1), ("keepdims", 1)]);
        return _norm.Apply(graph, graph.Node("GatherND", [x, end], [("batch_dims", 1)]));
    }
}
