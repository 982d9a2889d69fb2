using System.Text.Json.Nodes;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>
/// Infers the config of a U-Net, or of a ControlNet, from its weights' shapes. They do not show the number of heads,
/// which follows from the family.
/// </summary>
internal sealed class UNetConfigInference
{
    /// <summary>A weight of U-Nets that are conditioned on more than timestep and text.</summary>
    public const string AddedConditioning = "add_embedding.linear_1.weight";

    private const int HeadWidth = 64;

    private readonly WeightShapes _shapes;
    private readonly int _layers;
    private readonly bool _hasUpBlocks;
    private readonly bool _hasMiddle;
    private readonly int[] _channels;
    private readonly int[] _depths;

    private UNetConfigInference(MappedWeights weights, bool hasUpBlocks = true)
    {
        _hasUpBlocks = hasUpBlocks;
        _shapes = new WeightShapes(weights, hasUpBlocks ? "U-Net" : "ControlNet");
        int levels = _shapes.Count("down_blocks", "resnets.0.conv1.weight");
        if (levels == 0)
            throw _shapes.Invalid("it has no blocks");

        _layers = _shapes.Count("down_blocks.0.resnets", "conv1.weight");
        _hasMiddle = _shapes.Has("mid_block.resnets.0.conv1.weight");
        _channels = new int[levels];
        _depths = new int[levels];
        for (int level = 0; level < levels; level++)
        {
            _channels[level] = _shapes.Axis($"down_blocks.{level}.resnets.0.conv1.weight", 0);
            NoteDepths(level, $"down_blocks.{level}", _layers);
            NoteDepths(level, $"up_blocks.{levels - 1 - level}", _layers + 1);
        }

        if (!_hasMiddle)
            return;
        if (!HasAttention("mid_block"))
            throw _shapes.Invalid("its mid block has no cross-attention");
        NoteDepths(levels - 1, "mid_block", 1);
    }

    /// <summary>Infers the config of a U-Net.</summary>
    /// <param name="weights">The weights under diffusers' names.</param>
    /// <param name="family">The family.</param>
    /// <param name="pooledWidth">The width of the pooled text that the U-Net takes; 0 if it takes none.</param>
    /// <param name="sampleSize">The side of the latents that the model was trained on, which the weights do not show.</param>
    /// <returns>The U-Net's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing, or no config can describe the network.</exception>
    public static JsonObject Infer(MappedWeights weights, UNetFamily family, int pooledWidth, int sampleSize)
    {
        UNetConfigInference network = new(weights);
        JsonObject config = network.ToConfig(family, sampleSize);
        if (family.TakesPooledText && network._shapes.Has(AddedConditioning))
            network.AddTextTime(config, family, pooledWidth);
        return config;
    }

    /// <summary>Infers the config of a ControlNet.</summary>
    /// <param name="weights">The weights under diffusers' names.</param>
    /// <returns>The ControlNet's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing, or no config can describe the network.</exception>
    public static JsonObject InferControlNet(MappedWeights weights)
    {
        UNetConfigInference network = new(weights, hasUpBlocks: false);
        bool takesPooledText = network._shapes.Has(AddedConditioning);
        UNetFamily family = UNetFamily.OfControlNet(takesPooledText, network.HasLinearProjections());
        JsonObject config = network.ToConfig(family, sampleSize: 64);
        if (takesPooledText)
            network.AddTextTime(config, family, family.PooledWidth);

        int blocks = network._shapes.Count("controlnet_cond_embedding.blocks", "weight");
        JsonArray channels = [(JsonNode)network._shapes.Axis("controlnet_cond_embedding.conv_in.weight", 0)];
        for (int i = 1; i < blocks; i += 2)
            channels.Add((JsonNode)network._shapes.Axis($"controlnet_cond_embedding.blocks.{i}.weight", 0));
        config["_class_name"] = "ControlNetModel";
        config["conditioning_channels"] = network._shapes.Axis("controlnet_cond_embedding.conv_in.weight", 1);
        config["conditioning_embedding_out_channels"] = channels;
        config["controlnet_conditioning_channel_order"] = "rgb";
        return config;
    }

    private JsonObject ToConfig(UNetFamily family, int sampleSize)
    {
        int levels = _channels.Length;
        bool[] down = [.. Enumerable.Range(0, levels).Select(level => HasAttention($"down_blocks.{level}"))];
        bool[] up = [.. Enumerable.Range(0, levels).Select(level => HasAttention($"up_blocks.{level}"))];
        string attention = FirstAttention();
        int timeWidth = _shapes.Axis("time_embedding.linear_1.weight", 0);
        return new JsonObject
        {
            ["_class_name"] = "UNet2DConditionModel",
            ["act_fn"] = "silu",
            ["attention_head_dim"] = Heads(family),
            ["block_out_channels"] = ToArray(_channels),
            ["center_input_sample"] = false,
            ["conv_in_kernel"] = _shapes.Axis("conv_in.weight", 2),
            ["conv_out_kernel"] = _hasUpBlocks ? _shapes.Axis("conv_out.weight", 2) : null,
            ["cross_attention_dim"] = _shapes.Axis($"{attention}.transformer_blocks.0.attn2.to_k.weight", 1),
            ["down_block_types"] = ToTypes(down, "DownBlock2D", "CrossAttnDownBlock2D"),
            ["downsample_padding"] = 1,
            ["flip_sin_to_cos"] = true,
            ["freq_shift"] = 0,
            ["in_channels"] = _shapes.Axis("conv_in.weight", 1),
            ["layers_per_block"] = _layers,
            ["mid_block_scale_factor"] = 1,
            ["mid_block_type"] = _hasMiddle ? "UNetMidBlock2DCrossAttn" : null,
            ["norm_eps"] = 1e-5,
            ["norm_num_groups"] = 32,
            ["only_cross_attention"] = false,
            ["out_channels"] = _hasUpBlocks ? _shapes.Axis("conv_out.weight", 0) : null,
            ["resnet_time_scale_shift"] = "default",
            ["sample_size"] = sampleSize,
            ["time_embedding_dim"] = timeWidth == 4 * _channels[0] ? null : timeWidth,
            ["time_embedding_type"] = "positional",
            ["transformer_layers_per_block"] = TransformerLayers(),
            ["up_block_types"] = _hasUpBlocks ? ToTypes(up, "UpBlock2D", "CrossAttnUpBlock2D") : null,
            ["upcast_attention"] = false,
            ["use_linear_projection"] = HasLinearProjections(),
        };
    }

    private void AddTextTime(JsonObject config, UNetFamily family, int pooledWidth)
    {
        int width = _shapes.Axis(AddedConditioning, 1);
        int numbers = family.TimeIdCount;
        (int numberWidth, int rest) = Math.DivRem(width - pooledWidth, numbers);
        if (rest != 0 || numberWidth < 2)
            throw _shapes.Invalid($"it takes {width} values besides the timestep, which are not {pooledWidth} of the text and {numbers} sizes of equal width");

        config["addition_embed_type"] = "text_time";
        config["addition_time_embed_dim"] = numberWidth;
        config["projection_class_embeddings_input_dim"] = width;
    }

    // All attentions of a level must have the same depth: no config of diffusers describes the distilled models in which they differ.
    private void NoteDepths(int level, string block, int layers)
    {
        for (int i = 0; i < layers; i++)
        {
            string attention = $"{block}.attentions.{i}";
            bool present = HasTransformer(attention);
            if (present != HasAttention(block))
                throw _shapes.Invalid($"only some layers of '{block}' have cross-attention");
            if (!present)
                continue;

            int depth = _shapes.Count($"{attention}.transformer_blocks", "attn2.to_k.weight");
            if (depth == 0)
                throw _shapes.Invalid($"'{attention}' has no cross-attention");
            if (_depths[level] != 0 && _depths[level] != depth)
                throw _shapes.Invalid($"'{attention}' has {depth} transformer blocks, and another of the same level has {_depths[level]}; it may be a distilled model");
            _depths[level] = depth;
        }
    }

    private string FirstAttention()
    {
        for (int level = 0; level < _channels.Length; level++)
        {
            if (HasAttention($"down_blocks.{level}"))
                return $"down_blocks.{level}.attentions.0";
        }

        throw _shapes.Invalid("it has no cross-attention");
    }

    private bool HasLinearProjections() => _shapes.Rank($"{FirstAttention()}.proj_in.weight") == 2;

    private JsonNode Heads(UNetFamily family)
    {
        if (family.AttentionHeads is int heads)
            return heads;

        foreach (int channels in _channels)
        {
            if (channels % HeadWidth != 0)
                throw _shapes.Invalid($"{channels} channels cannot be divided into heads of {HeadWidth}");
        }

        return ToArray([.. _channels.Select(static channels => channels / HeadWidth)]);
    }

    // Levels without attention have no depth. If all others have the same depth, diffusers writes one number.
    private JsonNode TransformerLayers()
    {
        int[] known = [.. _depths.Where(static depth => depth > 0)];
        return Array.TrueForAll(known, depth => depth == known[0])
            ? known[0]
            : ToArray([.. _depths.Select(static depth => Math.Max(depth, 1))]);
    }

    private bool HasAttention(string block) => HasTransformer($"{block}.attentions.0");

    private bool HasTransformer(string attention) => _shapes.Has($"{attention}.proj_in.weight");

    private static JsonArray ToArray(int[] numbers)
    {
        JsonArray array = [];
        foreach (int number in numbers)
            array.Add((JsonNode)number);
        return array;
    }

    private static JsonArray ToTypes(bool[] attention, string without, string with)
    {
        JsonArray array = [];
        foreach (bool looks in attention)
            array.Add((JsonNode)(looks ? with : without));
        return array;
    }
}
