namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of a CLIP text encoder: the <c>config.json</c> of transformers' CLIPTextModel.</summary>
internal sealed record ClipTextConfig
{
    /// <summary>The largest number of layers; known models have at most 32.</summary>
    private const int MostLayers = 256;

    /// <summary>The number of tokens in the vocabulary.</summary>
    public required int VocabSize { get; init; }

    /// <summary>The width of a token embedding.</summary>
    public required int Width { get; init; }

    /// <summary>The inner width of a feed-forward layer.</summary>
    public required int InnerWidth { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    /// <summary>The maximum number of tokens in a sequence.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Whether the activation is x·sigmoid(1.702 x) instead of the exact Gaussian error linear unit.</summary>
    public required bool QuickGelu { get; init; }

    /// <summary>The epsilon of the layer normalizations.</summary>
    public required float LayerNormEpsilon { get; init; }

    /// <summary>The token that ends a text.</summary>
    public required int EosTokenId { get; init; }

    /// <summary>The width of the projected pooled embedding, if the weights include a projection.</summary>
    public required int ProjectionWidth { get; init; }

    /// <summary>What a tokenizer must fit: the number of ids, and the largest number of ids in a sequence.</summary>
    public (int VocabularySize, int Positions) Input => (VocabSize, MaxPositions);

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The path of the <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, contradicts itself, or needs something that is not supported.</exception>
    public static ClipTextConfig Read(string path) => From(ConfigFile.Read(path));

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static ClipTextConfig From(ConfigFile file)
    {
        file.RefuseIfSet(ConfigFile.Quantization);
        file.RequireText("model_type", "clip_text_model");
        file.RequireText("hidden_act", "quick_gelu", "gelu");
        ClipTextConfig config = new()
        {
            VocabSize = file.Count("vocab_size", 49408),
            Width = file.Count("hidden_size", 512),
            InnerWidth = file.Count("intermediate_size", 2048),
            ProjectionWidth = file.Count("projection_dim", 512),
            Layers = file.Count("num_hidden_layers", 12, MostLayers),
            Heads = file.Count("num_attention_heads", 8),
            MaxPositions = file.Count("max_position_embeddings", 77),
            QuickGelu = file.Text("hidden_act", "quick_gelu") == "quick_gelu",
            LayerNormEpsilon = file.Epsilon("layer_norm_eps", 1e-5f),
            EosTokenId = file.Integer("eos_token_id", 49407),
        };
        return config.Width % config.Heads == 0
            ? config
            : throw file.Invalid("num_attention_heads", $"'hidden_size' {config.Width} is not a multiple of it");
    }
}
