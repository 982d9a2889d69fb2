namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of a tiny autoencoder (TAESD): the <c>config.json</c> of diffusers' AutoencoderTiny.</summary>
internal sealed record TinyVaeConfig
{
    /// <summary>The name of the class in a config.</summary>
    public const string ClassName = "AutoencoderTiny";

    /// <summary>The channels of an image.</summary>
    public const int ImageChannels = 3;

    private const int DefaultChannels = 64;

    public required int LatentChannels { get; init; }

    /// <summary>The channels of the encoder, the same at every resolution.</summary>
    public required int EncoderChannels { get; init; }

    /// <summary>The number of residual blocks of the encoder at each resolution, from the highest to the lowest.</summary>
    public required IReadOnlyList<int> EncoderBlocks { get; init; }

    /// <summary>The channels of the decoder, the same at every resolution.</summary>
    public required int DecoderChannels { get; init; }

    /// <summary>The number of residual blocks of the decoder at each resolution, from the lowest to the highest.</summary>
    public required IReadOnlyList<int> DecoderBlocks { get; init; }

    /// <summary>The factor between its latents and those of the U-Net: 1 in all published ones, which were trained on the U-Net's latents.</summary>
    public required float ScalingFactor { get; init; }

    /// <summary>The number of pixels per latent value along each side.</summary>
    public int Factor => 1 << (DecoderBlocks.Count - 1);

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static TinyVaeConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", ClassName);
        file.RefuseIfSet(ConfigFile.Quantization);
        file.RequireText("act_fn", "relu");
        file.RequireText("upsample_fn", "nearest");
        file.RequireNumber("upsampling_scaling_factor", 2);
        file.RequireNumber("in_channels", ImageChannels);
        file.RequireNumber("out_channels", ImageChannels);
        file.RequireNumber("shift_factor", 0);
        (int encoderChannels, IReadOnlyList<int> encoderBlocks) = Half("encoder_block_out_channels", "num_encoder_blocks", 1, 3, 3, 3);
        (int decoderChannels, IReadOnlyList<int> decoderBlocks) = Half("decoder_block_out_channels", "num_decoder_blocks", 3, 3, 3, 1);
        if (encoderBlocks.Count != decoderBlocks.Count)
            throw file.Invalid("num_encoder_blocks", $"'num_decoder_blocks' gives {decoderBlocks.Count} resolutions");
        return new TinyVaeConfig
        {
            LatentChannels = file.Count("latent_channels", 4),
            EncoderChannels = encoderChannels,
            EncoderBlocks = encoderBlocks,
            DecoderChannels = decoderChannels,
            DecoderBlocks = decoderBlocks,
            ScalingFactor = file.Positive("scaling_factor", 1),
        };

        (int Channels, IReadOnlyList<int> Blocks) Half(string channelsKey, string blocksKey, params int[] absentBlocks)
        {
            IReadOnlyList<int> channels = file.Counts(channelsKey, DefaultChannels, DefaultChannels, DefaultChannels, DefaultChannels);
            IReadOnlyList<int> blocks = file.Counts(blocksKey, absentBlocks);
            if (channels.Count != blocks.Count)
                throw file.Invalid(blocksKey, $"'{channelsKey}' gives {channels.Count} resolutions");

            // The convolutions between two resolutions keep the channels, so that others could not be connected.
            return channels.Distinct().Count() == 1 ? (channels[0], blocks) : throw file.Invalid(channelsKey, "the numbers must be the same for all resolutions");
        }
    }
}
