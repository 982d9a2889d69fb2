namespace StableDiffusion.Networks.Configs;

/// <summary>The form of a ControlNet, as the <c>config.json</c> of diffusers' ControlNetModel gives it.</summary>
internal sealed record ControlNetConfig
{
    private const int ColorChannels = 3;

    /// <summary>Its way down and middle, which are a U-Net's.</summary>
    public required UNetConfig Network { get; init; }

    /// <summary>The channels of the picture that it looks at.</summary>
    public required int ConditioningChannels { get; init; }

    /// <summary>The channels of that picture on its way to the size of the latent; it is halved from one to the next.</summary>
    public required IReadOnlyList<int> ConditioningEmbeddingChannels { get; init; }

    /// <summary>Whether the picture's channels are blue, green and red.</summary>
    public required bool TakesBlueFirst { get; init; }

    /// <summary>Takes a config.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The config.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or asks for what is not built.</exception>
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
