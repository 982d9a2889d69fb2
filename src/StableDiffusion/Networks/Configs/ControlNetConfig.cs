namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of a ControlNet: the <c>config.json</c> of diffusers' ControlNetModel.</summary>
internal sealed record ControlNetConfig
{
    private const int ColorChannels = 3;

    /// <summary>The configuration of its down and mid blocks, which are those of a U-Net.</summary>
    public required UNetConfig Network { get; init; }

    public required int ConditioningChannels { get; init; }

    /// <summary>The channels of the convolutions that reduce the control image to the size of the latent; each one halves it.</summary>
    public required IReadOnlyList<int> ConditioningEmbeddingChannels { get; init; }

    /// <summary>Whether the channels of the control image are in the order blue, green, red.</summary>
    public required bool TakesBlueFirst { get; init; }

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static ControlNetConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", "ControlNetModel");
        file.RequireText("controlnet_conditioning_channel_order", "rgb", "bgr");
        file.RequireNumber("conditioning_channels", ColorChannels);
        file.RefuseIfSet("global_pool_conditions");
        UNetConfig network = UNetConfig.From(file, hasWayUp: false);
        return new ControlNetConfig
        {
            Network = network.Middle ? network : throw file.Unsupported("mid_block_type"),
            ConditioningChannels = ColorChannels,
            ConditioningEmbeddingChannels = file.Counts("conditioning_embedding_out_channels", 16, 32, 96, 256),
            TakesBlueFirst = file.Text("controlnet_conditioning_channel_order", "rgb") == "bgr",
        };
    }
}
