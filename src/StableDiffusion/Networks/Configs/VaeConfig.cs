namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of an autoencoder: the <c>config.json</c> of diffusers' AutoencoderKL.</summary>
internal sealed record VaeConfig
{
    /// <summary>The largest number of residual blocks in a block; known models have 2.</summary>
    private const int MostLayers = 256;

    /// <summary>The channels of an image at the encoder's input.</summary>
    public required int InChannels { get; init; }

    /// <summary>The channels of an image at the decoder's output.</summary>
    public required int OutChannels { get; init; }

    public required int LatentChannels { get; init; }

    /// <summary>The channels of each block, from the highest resolution to the lowest.</summary>
    public required IReadOnlyList<int> BlockChannels { get; init; }

    /// <summary>The number of residual blocks in each block of the encoder; the decoder's blocks have one more.</summary>
    public required int LayersPerBlock { get; init; }

    /// <summary>The number of groups of the group normalizations.</summary>
    public required int Groups { get; init; }

    /// <summary>Whether the mid block has attention between its two residual blocks.</summary>
    public required bool MidAttention { get; init; }

    /// <summary>Whether a convolution follows the encoder.</summary>
    public required bool QuantConv { get; init; }

    /// <summary>Whether a convolution precedes the decoder.</summary>
    public required bool PostQuantConv { get; init; }

    /// <summary>The factor by which the encoder's latent is multiplied for the U-Net, and divided for the decoder. Not part of the graphs.</summary>
    public required float ScalingFactor { get; init; }

    /// <summary>The side in pixels of the images that it was trained on; null if the config does not say. Nothing of the graphs depends on it.</summary>
    public required int? SampleSize { get; init; }

    /// <summary>The number of pixels per latent value along each side.</summary>
    public int Factor => 1 << (BlockChannels.Count - 1);

    /// <summary>The configuration for autoencoders without one, as in folders of older exporters: that of Stable Diffusion.</summary>
    public static VaeConfig StableDiffusion { get; } = From(ConfigFile.Parse(
        """
        {
          "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
          "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
          "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
        }
        """u8.ToArray(),
        "the autoencoder's default config"));

    /// <summary>Checks that a U-Net makes latents that the autoencoder takes. Its inputs may have more channels, such as a mask.</summary>
    /// <param name="channels">The output channels of the U-Net.</param>
    /// <param name="path">The path of the autoencoder's config or file, for messages.</param>
    /// <param name="unetPath">The path of the U-Net's config or file, for messages.</param>
    /// <exception cref="ModelInvalidException">The numbers of channels differ.</exception>
    public void CheckLatents(int channels, string path, string unetPath)
    {
        if (channels != LatentChannels)
            throw new ModelInvalidException($"The VAE of '{path}' has latents of {LatentChannels} channels ('latent_channels'), and the U-Net of '{unetPath}' makes {channels} ('out_channels'). They belong to different models; use another VAE.");
    }

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The path of the <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, contradicts itself, or needs something that is not supported.</exception>
    public static VaeConfig Read(string path) => From(ConfigFile.Read(path));

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static VaeConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", "AutoencoderKL");
        file.RequireText("act_fn", "silu", "swish");
        file.RefuseIfSet(ConfigFile.Quantization);
        file.RequireNumber("shift_factor", 0);
        file.RefuseIfSet("latents_mean");
        file.RefuseIfSet("latents_std");
        _ = file.OptionalFlag("force_upcast");

        VaeConfig config = new()
        {
            InChannels = file.Count("in_channels", 3),
            OutChannels = file.Count("out_channels", 3),
            LatentChannels = file.Count("latent_channels", 4),
            BlockChannels = file.Counts("block_out_channels", 64),
            LayersPerBlock = file.Count("layers_per_block", 1, MostLayers),
            Groups = file.Count("norm_num_groups", 32),
            MidAttention = file.Flag("mid_block_add_attention", true),
            QuantConv = file.Flag("use_quant_conv", true),
            PostQuantConv = file.Flag("use_post_quant_conv", true),
            ScalingFactor = file.Positive("scaling_factor", 0.18215f),
            SampleSize = file.OptionalCount("sample_size"),
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
