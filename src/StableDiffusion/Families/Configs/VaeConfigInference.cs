using System.Text.Json.Nodes;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>Infers the config of an autoencoder from its weights' shapes. Only the family shows how latents are scaled.</summary>
internal static class VaeConfigInference
{
    /// <summary>Infers a config.</summary>
    /// <param name="weights">The weights under diffusers' names.</param>
    /// <param name="scalingFactor">The factor by which latents are multiplied for the backbone.</param>
    /// <param name="sampleSize">The side of the latents that the model was trained on.</param>
    /// <returns>The autoencoder's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing or their shapes do not fit.</exception>
    public static JsonObject Infer(MappedWeights weights, double scalingFactor, int sampleSize)
    {
        WeightShapes shapes = new(weights, "autoencoder");
        int levels = shapes.Count("encoder.down_blocks", "resnets.0.conv1.weight");
        if (levels == 0)
            throw shapes.Invalid("its encoder has no blocks");

        JsonArray channels = [];
        JsonArray downTypes = [];
        JsonArray upTypes = [];
        for (int level = 0; level < levels; level++)
        {
            channels.Add((JsonNode)shapes.Axis($"encoder.down_blocks.{level}.resnets.0.conv1.weight", 0));
            downTypes.Add((JsonNode)"DownEncoderBlock2D");
            upTypes.Add((JsonNode)"UpDecoderBlock2D");
        }

        return new JsonObject
        {
            ["_class_name"] = "AutoencoderKL",
            ["act_fn"] = "silu",
            ["block_out_channels"] = channels,
            ["down_block_types"] = downTypes,
            ["force_upcast"] = true,
            ["in_channels"] = shapes.Axis("encoder.conv_in.weight", 1),
            ["latent_channels"] = shapes.Axis("decoder.conv_in.weight", 1),
            ["layers_per_block"] = shapes.Count("encoder.down_blocks.0.resnets", "conv1.weight"),
            ["mid_block_add_attention"] = shapes.Has("decoder.mid_block.attentions.0.group_norm.weight"),
            ["norm_num_groups"] = 32,
            ["out_channels"] = shapes.Axis("decoder.conv_out.weight", 0),
            ["sample_size"] = sampleSize << (levels - 1),
            ["scaling_factor"] = scalingFactor,
            ["up_block_types"] = upTypes,
            ["use_post_quant_conv"] = shapes.Has("post_quant_conv.weight"),
            ["use_quant_conv"] = shapes.Has("quant_conv.weight"),
        };
    }
}
