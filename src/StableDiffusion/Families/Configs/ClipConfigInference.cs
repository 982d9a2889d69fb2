using System.Text.Json.Nodes;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>Infers the config of a CLIP text encoder from its weights' shapes. The heads of all known encoders have 64 channels.</summary>
internal static class ClipConfigInference
{
    private const int HeadWidth = 64;
    private const int BosTokenId = 49406;
    private const int EosTokenId = 49407;

    /// <summary>Infers a config.</summary>
    /// <param name="weights">The weights under transformers' names.</param>
    /// <param name="isOpenClip">Whether the encoder is from OpenCLIP: another activation, and prompts padded with token 0.</param>
    /// <returns>The encoder's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing or their shapes do not fit.</exception>
    public static JsonObject Infer(MappedWeights weights, bool isOpenClip)
    {
        WeightShapes shapes = new(weights, "text encoder");
        const string Tokens = "text_model.embeddings.token_embedding.weight";
        const string Layers = "text_model.encoder.layers";
        int width = shapes.Axis(Tokens, 1);
        if (width % HeadWidth != 0)
            throw shapes.Invalid($"its width {width} cannot be divided into heads of {HeadWidth}");

        const string Projection = "text_projection.weight";
        bool projection = shapes.Has(Projection);
        return new JsonObject
        {
            ["architectures"] = new JsonArray(projection ? "CLIPTextModelWithProjection" : "CLIPTextModel"),
            ["bos_token_id"] = BosTokenId,
            ["eos_token_id"] = EosTokenId,
            ["hidden_act"] = isOpenClip ? "gelu" : "quick_gelu",
            ["hidden_size"] = width,
            ["intermediate_size"] = shapes.Axis($"{Layers}.0.mlp.fc1.weight", 0),
            ["layer_norm_eps"] = 1e-5,
            ["max_position_embeddings"] = shapes.Axis("text_model.embeddings.position_embedding.weight", 0),
            ["model_type"] = "clip_text_model",
            ["num_attention_heads"] = width / HeadWidth,
            ["num_hidden_layers"] = shapes.Count(Layers, "mlp.fc1.weight"),
            ["pad_token_id"] = isOpenClip ? 0 : EosTokenId,
            ["projection_dim"] = projection ? shapes.Axis(Projection, 0) : width,
            ["vocab_size"] = shapes.Axis(Tokens, 0),
        };
    }
}
