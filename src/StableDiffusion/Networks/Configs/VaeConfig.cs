namespace StableDiffusion.Networks.Configs;

/// <summary>The form of an autoencoder, as the <c>config.json</c> of diffusers' AutoencoderKL gives it.</summary>
internal sealed record VaeConfig
{
    /// <summary>The channels of a picture, in.</summary>
    public required int InChannels { get; init; }

    /// <summary>The channels of a picture, out.</summary>
    public required int OutChannels { get; init; }

    /// <summary>The channels of a latent.</summary>
    public required int LatentChannels { get; init; }

    /// <summary>The channels of each block, from the largest picture to the smallest.</summary>
    public required IReadOnlyList<int> BlockChannels { get; init; }

    /// <summary>How many residual blocks each block of the encoder has; the decoder's have one more.</summary>
    public required int LayersPerBlock { get; init; }

    /// <summary>The groups of the normalizations.</summary>
    public required int Groups { get; init; }

    /// <summary>Whether the middle has an attention between its two residual blocks.</summary>
    public required bool MidAttention { get; init; }

    /// <summary>Whether a convolution follows the encoder.</summary>
    public required bool QuantConv { get; init; }

    /// <summary>Whether a convolution precedes the decoder.</summary>
    public required bool PostQuantConv { get; init; }

    /// <summary>What the encoder's latent is multiplied by for the U-Net, and divided by for the decoder. Not a part of the graphs.</summary>
    public required float ScalingFactor { get; init; }

    /// <summary>How many pixels of a picture's side make one of the latent's.</summary>
    public int Factor => 1 << (BlockChannels.Count - 1);

    /// <summary>The config of an autoencoder that says nothing of itself, as in folders of older exporters: Stable Diffusion's own.</summary>
    public static VaeConfig StableDiffusion { get; } = From(ConfigFile.Parse(
        """
        {
          "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
          "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
          "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
        }
        """u8.ToArray(),
        "the autoencoder's default config"));

    /// <summary>Reads a config.</summary>
    /// <param name="path">The path of the <c>config.json</c>.</param>
    /// <returns>The config.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, contradicts itself, or asks for what is not built.</exception>
    public static VaeConfig Read(string path) => From(ConfigFile.Read(path));

    /// <summary>Takes a config.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The config.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or asks for what is not built.</exception>
    public static VaeConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", "AutoencoderKL");
        file.RequireText("act_fn", "silu", "swish");
        file.RefuseIfSet("shift_factor");
        file.RefuseIfSet("latents_mean");
        file.RefuseIfSet("latents_std");

        VaeConfig config = new()
        {
            InChannels = file.Count("in_channels", 3),
            OutChannels = file.Count("out_channels", 3),
            LatentChannels = file.Count("latent_channels", 4),
            BlockChannels = file.Counts("block_out_channels", 64),
            LayersPerBlock = file.Count("layers_per_block", 1),
            Groups = file.Count("norm_num_groups", 32),
            MidAttention = file.Flag("mid_block_add_attention", true),
            QuantConv = file.Flag("use_quant_conv", true),
            PostQuantConv = file.Flag("use_post_quant_conv", true),
            ScalingFactor = file.Positive("scaling_factor", 0.18215f),
        };

        RequireBlocks("down_block_types", "DownEncoderBlock2D");
        RequireBlocks("up_block_types", "UpDecoderBlock2D");
        foreach (int channels in config.BlockChannels)
        {
            if (channels % config.Groups != 0)
                throw file.Invalid("block_out_channels", $"{channels} channels cannot be divided into {config.Groups} groups");
        }

        return config;

        void RequireBlocks(string key, string supported)
        {
            IReadOnlyList<string> types = file.Texts(key, supported);
            if (types.Any(type => type != supported))
                throw file.Unsupported(key);
            if (types.Count != config.BlockChannels.Count)
                throw file.Invalid(key, $"'block_out_channels' gives {config.BlockChannels.Count} blocks");
        }
    }
}
