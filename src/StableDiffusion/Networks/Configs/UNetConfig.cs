using System.Globalization;

namespace StableDiffusion.Networks.Configs;

/// <summary>A cross-attention of a U-Net to the text.</summary>
/// <param name="Name">Its place, in diffusers' names, such as <c>down_blocks.0.attentions.1.transformer_blocks.0</c>.</param>
/// <param name="Level">How often the latent's height and width are halved before it, rounded up.</param>
/// <param name="Heads">The number of its heads.</param>
internal sealed record CrossAttention(string Name, int Level, int Heads);

/// <summary>The configuration of a U-Net: the <c>config.json</c> of diffusers' UNet2DConditionModel.</summary>
internal sealed record UNetConfig
{
    private const string DownBlock = "DownBlock2D";
    private const string DownBlockWithAttention = "CrossAttnDownBlock2D";
    private const string UpBlock = "UpBlock2D";
    private const string UpBlockWithAttention = "CrossAttnUpBlock2D";
    private const string MiddleBlock = "UNetMidBlock2DCrossAttn";

    private const string TextAndTime = "text_time";

    /// <summary>The largest number of layers in a block; known models have at most 10.</summary>
    private const int MostLayers = 256;

    // The shapes of the weights show them, or they only concern training; as anything but a Boolean, the file is damaged.
    private static readonly string[] s_unusedFlags = ["use_linear_projection", "upcast_attention"];

    // Options of other families, which Stable Diffusion does not use.
    private static readonly string[] s_notBuilt =
    [
        "center_input_sample", "class_embed_type", "class_embeddings_concat", "cross_attention_norm",
        "dual_cross_attention", "encoder_hid_dim", "encoder_hid_dim_type", "mid_block_only_cross_attention",
        "num_attention_heads", "num_class_embeds", "only_cross_attention", "resnet_skip_time_act",
        "reverse_transformer_layers_per_block", "time_embedding_act_fn", "timestep_post_act",
    ];

    /// <summary>The channels of the sample: 4, or more if a mask, an image or a depth map is added to it.</summary>
    public required int InChannels { get; init; }

    public required int OutChannels { get; init; }

    /// <summary>The channels of each block, from the highest resolution to the lowest.</summary>
    public required IReadOnlyList<int> BlockChannels { get; init; }

    /// <summary>Whether each down block has cross-attention to the text.</summary>
    public required IReadOnlyList<bool> DownAttention { get; init; }

    /// <summary>Whether each up block, from the lowest resolution to the highest, has cross-attention to the text.</summary>
    public required IReadOnlyList<bool> UpAttention { get; init; }

    /// <summary>Whether there is a mid block; some distilled models have none.</summary>
    public required bool Middle { get; init; }

    /// <summary>The number of residual blocks in each down block; an up block has one more.</summary>
    public required IReadOnlyList<int> LayersPerBlock { get; init; }

    /// <summary>The number of transformer blocks after each residual block.</summary>
    public required IReadOnlyList<int> TransformerLayers { get; init; }

    /// <summary>The number of attention heads in each block.</summary>
    public required IReadOnlyList<int> Heads { get; init; }

    public required int TextWidth { get; init; }

    public required int TimeWidth { get; init; }

    /// <summary>How the pooled text and the image sizes are added to the timestep embedding in SDXL; null for other models.</summary>
    public required AddedConditioningConfig? Added { get; init; }

    /// <summary>The width of the embedding of the guidance scale, which models take that were distilled with guidance (LCM); null for other models.</summary>
    public required int? GuidanceWidth { get; init; }

    /// <summary>Whether the cosines of a timestep precede its sines.</summary>
    public required bool CosinesFirst { get; init; }

    /// <summary>The number by which the number of frequencies is reduced to compute their spacing.</summary>
    public required int FrequencyShift { get; init; }

    /// <summary>The number of groups of the group normalizations.</summary>
    public required int Groups { get; init; }

    /// <summary>The epsilon of the normalizations outside the transformers.</summary>
    public required float Epsilon { get; init; }

    /// <summary>The kernel size of the first convolution.</summary>
    public required int KernelIn { get; init; }

    /// <summary>The kernel size of the last convolution.</summary>
    public required int KernelOut { get; init; }

    /// <summary>How often the latent's height and width are halved for each skip connection, in the order of the down blocks.</summary>
    public IReadOnlyList<int> SkipLevels
    {
        get
        {
            List<int> levels = [0];
            for (int level = 0; level < BlockChannels.Count; level++)
            {
                levels.AddRange(Enumerable.Repeat(level, LayersPerBlock[level]));
                if (level < BlockChannels.Count - 1)
                    levels.Add(level + 1);
            }

            return levels;
        }
    }

    /// <summary>The cross-attentions to the text, in the order of the network.</summary>
    public IEnumerable<CrossAttention> CrossAttentions
    {
        get
        {
            int levels = BlockChannels.Count;
            for (int level = 0; level < levels; level++)
            {
                foreach (CrossAttention layer in LayersOf($"down_blocks.{level}", level, DownAttention[level] ? LayersPerBlock[level] : 0))
                    yield return layer;
            }

            foreach (CrossAttention layer in LayersOf("mid_block", levels - 1, Middle ? 1 : 0))
                yield return layer;
            for (int block = 0, level = levels - 1; block < levels; block++, level--)
            {
                foreach (CrossAttention layer in LayersOf($"up_blocks.{block}", level, UpAttention[block] ? LayersPerBlock[level] + 1 : 0))
                    yield return layer;
            }
        }
    }

    private IEnumerable<CrossAttention> LayersOf(string block, int level, int count) => Enumerable.Range(0, count).SelectMany(
        index => Enumerable.Range(0, TransformerLayers[level]).Select(
            layer => new CrossAttention(string.Create(CultureInfo.InvariantCulture, $"{block}.attentions.{index}.transformer_blocks.{layer}"), level, Heads[level])));

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The path of the <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, contradicts itself, or needs something that is not supported.</exception>
    public static UNetConfig Read(string path) => From(ConfigFile.Read(path));

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static UNetConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", "UNet2DConditionModel");
        return From(file, hasWayUp: true);
    }

    /// <summary>Reads the configuration of a network that may have only the down and mid blocks of a U-Net, such as a ControlNet.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <param name="hasWayUp">Whether it has up blocks.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    internal static UNetConfig From(ConfigFile file, bool hasWayUp)
    {
        file.RefuseIfSet(ConfigFile.Quantization);
        file.RequireText("act_fn", "silu", "swish");
        file.RequireText("attention_type", "default");
        file.RequireText("resnet_time_scale_shift", "default");
        file.RequireText("time_embedding_type", "positional");
        file.RequireNumber("downsample_padding", 1);
        file.RequireNumber("mid_block_scale_factor", 1);
        file.RequireNumber("resnet_out_scale_factor", 1);
        foreach (string key in s_notBuilt)
            file.RefuseIfSet(key);
        foreach (string key in s_unusedFlags)
            _ = file.OptionalFlag(key);

        IReadOnlyList<int> channels = file.Counts("block_out_channels", 320, 640, 1280, 1280);
        int blocks = channels.Count;
        string? middle = file.NullableText("mid_block_type", MiddleBlock);
        if (middle is not (null or MiddleBlock))
            throw file.Unsupported("mid_block_type");

        bool[] down = ReadBlocks(
            file, "down_block_types", blocks, DownBlock, DownBlockWithAttention,
            DownBlockWithAttention, DownBlockWithAttention, DownBlockWithAttention, DownBlock);
        UNetConfig config = new()
        {
            InChannels = file.Count("in_channels", 4),
            OutChannels = file.Count("out_channels", 4),
            BlockChannels = channels,
            DownAttention = down,
            UpAttention = hasWayUp
                ? ReadBlocks(
                    file, "up_block_types", blocks, UpBlock, UpBlockWithAttention,
                    UpBlock, UpBlockWithAttention, UpBlockWithAttention, UpBlockWithAttention)
                : [.. down.Reverse()],
            Middle = middle is not null,
            LayersPerBlock = file.CountPerBlock("layers_per_block", blocks, 2, MostLayers),
            TransformerLayers = file.CountPerBlock("transformer_layers_per_block", blocks, 1, MostLayers),

            // The key says dimension, but has always meant the number of heads (huggingface/diffusers issue 2011).
            Heads = file.CountPerBlock("attention_head_dim", blocks, 8),
            TextWidth = ReadTextWidth(file, blocks),
            TimeWidth = file.OptionalCount("time_embedding_dim") ?? 4 * channels[0],
            Added = ReadAdded(file),
            GuidanceWidth = ReadGuidanceWidth(file, hasWayUp),
            CosinesFirst = file.Flag("flip_sin_to_cos", true),
            FrequencyShift = file.Integer("freq_shift", 0),
            Groups = file.Count("norm_num_groups", 32),
            Epsilon = file.Epsilon("norm_eps", 1e-5f),
            KernelIn = ReadKernel(file, "conv_in_kernel"),
            KernelOut = ReadKernel(file, "conv_out_kernel"),
        };
        config.CheckDivisions(file);
        return config;
    }

    private static AddedConditioningConfig? ReadAdded(ConfigFile file)
    {
        file.RequireText("addition_embed_type", TextAndTime);
        if (file.Text("addition_embed_type", string.Empty) != TextAndTime)
        {
            file.RefuseIfSet("addition_time_embed_dim");
            file.RefuseIfSet("projection_class_embeddings_input_dim");
            return null;
        }

        int waves = file.Count("addition_time_embed_dim", 256);
        int width = file.Count("projection_class_embeddings_input_dim", 2816);
        return waves % 2 == 0 ? new AddedConditioningConfig(waves, width) : throw file.Invalid("addition_time_embed_dim", "it must be even, for sines and cosines");
    }

    private static int? ReadGuidanceWidth(ConfigFile file, bool isUNet)
    {
        const string Key = "time_cond_proj_dim";
        if (!isUNet)
            file.RefuseIfSet(Key);
        return file.OptionalCount(Key) is not int width ? null
            : width >= 4 && width % 2 == 0 ? width
            : throw file.Invalid(Key, "it must be even and at least 4, for sines and cosines of the guidance scale");
    }

    private static bool[] ReadBlocks(ConfigFile file, string key, int blocks, string plain, string withAttention, params string[] absent)
    {
        IReadOnlyList<string> types = file.Texts(key, absent);
        if (types.Any(type => type != plain && type != withAttention))
            throw file.Unsupported(key);
        return types.Count == blocks
            ? [.. types.Select(type => type == withAttention)]
            : throw file.Invalid(key, $"'block_out_channels' gives {blocks} blocks");
    }

    private static int ReadTextWidth(ConfigFile file, int blocks)
    {
        IReadOnlyList<int> widths = file.CountPerBlock("cross_attention_dim", blocks, 1280);
        return widths.All(width => width == widths[0])
            ? widths[0]
            : throw file.Unsupported("cross_attention_dim");
    }

    private static int ReadKernel(ConfigFile file, string key)
    {
        int kernel = file.Count(key, 3);
        return kernel % 2 == 1 ? kernel : throw file.Invalid(key, "a kernel's sides must be odd");
    }

    private void CheckDivisions(ConfigFile file)
    {
        if (BlockChannels[0] % 2 != 0)
            throw file.Invalid("block_out_channels", "the first must be even, for sines and cosines of the timestep");
        if (FrequencyShift >= BlockChannels[0] / 2)
            throw file.Invalid("freq_shift", $"the first block has only {BlockChannels[0] / 2} frequencies");

        for (int block = 0; block < BlockChannels.Count; block++)
        {
            if (BlockChannels[block] % Groups != 0)
                throw file.Invalid("norm_num_groups", $"{BlockChannels[block]} channels cannot be divided into {Groups} groups");
            bool attention = DownAttention[block] || UpAttention[^(block + 1)] || (Middle && block == BlockChannels.Count - 1);
            if (attention && BlockChannels[block] % Heads[block] != 0)
                throw file.Invalid("attention_head_dim", $"{BlockChannels[block]} channels cannot be divided into {Heads[block]} heads");
        }
    }
}
