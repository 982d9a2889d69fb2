using StableDiffusion.Models.Configs;
using StableDiffusion.Models.Weights;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Models.Graphs;

/// <summary>
/// CLIP's text encoder (Radford et al., 2021; transformers' CLIPTextModel). Graph: <c>input_ids</c> integers
/// [batch, sequence] → <c>last_hidden_state</c> [batch, sequence, width] and <c>pooler_output</c> [batch, width], the
/// state of the token that ends each text. For pictures whose model was trained on an earlier layer ("clip skip"),
/// <c>last_hidden_state.1</c>, <c>.2</c> … are what the encoder would give without its last layer, its last two …
/// </summary>
internal sealed class ClipTextGraph
{
    // Configs from before transformers 4.31 all said 2 here, whatever the vocabulary; the end of a text was then
    // taken to be the largest id.
    private const int LegacyEosTokenId = 2;

    private readonly ClipTextConfig _config;
    private readonly Weight _tokens;
    private readonly Weight _positions;
    private readonly ClipLayer[] _layers;
    private readonly LayerNorm _norm;

    /// <summary>Takes the weights of an encoder and checks them against its config.</summary>
    /// <param name="weights">All its weights.</param>
    /// <param name="config">Its form.</param>
    /// <exception cref="ModelInvalidException">A weight is missing or has another shape than the config says.</exception>
    public ClipTextGraph(IWeights weights, ClipTextConfig config)
    {
        WeightScope root = new WeightScope(weights)["text_model"];
        WeightScope embeddings = root["embeddings"];
        _config = config;
        _tokens = embeddings.Get("token_embedding.weight", config.VocabSize, config.Width);
        _positions = embeddings.Get("position_embedding.weight", config.MaxPositions, config.Width);
        _layers = new ClipLayer[config.Layers];
        for (int i = 0; i < config.Layers; i++)
            _layers[i] = new ClipLayer(root["encoder.layers", i], config);
        _norm = new LayerNorm(root["final_layer_norm"], config.Width, config.LayerNormEpsilon);
    }

    /// <summary>Makes the graph.</summary>
    /// <returns>The graph, not saved yet.</returns>
    public GraphBuilder Build()
    {
        GraphBuilder graph = new("text_encoder");
        Value ids = graph.IntegerInput("input_ids", "batch", "sequence");
        Value positions = graph.Slice(graph.Weight(_positions), graph.Integers(0), graph.Shape(ids, 1, 2), axis: 0);
        Value x = graph.Add(graph.Node("Gather", [graph.Weight(_tokens), ids]), positions);
        Value[] states = new Value[_layers.Length];
        for (int i = 0; i < _layers.Length; i++)
            states[i] = x = _layers[i].Apply(graph, x);

        Value last = _norm.Apply(graph, x);
        graph.Output("last_hidden_state", last, "batch", "sequence", _config.Width);
        graph.Output("pooler_output", Pool(graph, last, ids), "batch", _config.Width);
        for (int skipped = 1; skipped < _layers.Length; skipped++)
        {
            Value earlier = _norm.Apply(graph, states[^(skipped + 1)]);
            graph.Output($"last_hidden_state.{skipped}", earlier, "batch", "sequence", _config.Width);
        }

        return graph;
    }

    private Value Pool(GraphBuilder graph, Value x, Value ids)
    {
        const long Int32 = 6;
        Value marks = _config.EosTokenId == LegacyEosTokenId
            ? ids
            : graph.Node("Cast", [graph.Node("Equal", [ids, graph.Integers(_config.EosTokenId)])], [("to", Int32)]);
        Value end = graph.Node("ArgMax", [marks], [("axis", 1), ("keepdims", 1)]);
        return graph.Node("GatherND", [x, end], [("batch_dims", 1)]);
    }
}
