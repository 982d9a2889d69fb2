namespace StableDiffusion.Networks.Configs;

/// <summary>The configuration of an upscaler, with the names of the arguments of BasicSR's networks.</summary>
internal sealed record UpscalerConfig
{
    /// <summary>The network of ESRGAN and Real-ESRGAN.</summary>
    public const string ResidualClass = "RRDBNet";

    /// <summary>The compact network of Real-ESRGAN.</summary>
    public const string CompactClass = "SRVGGNetCompact";

    /// <summary>The channels of an image.</summary>
    public const int ImageChannels = 3;

    /// <summary>The largest scale; known upscalers have up to 8.</summary>
    public const int LargestScale = 16;

    private const int MostBlocks = 1000;

    /// <summary>Whether it is the compact network.</summary>
    public required bool IsCompact { get; init; }

    /// <summary>The factor by which it enlarges both sides.</summary>
    public required int Scale { get; init; }

    /// <summary>The channels of its feature maps.</summary>
    public required int Features { get; init; }

    /// <summary>The number of residual blocks, or of the inner convolutions of the compact network.</summary>
    public required int Blocks { get; init; }

    /// <summary>The channels that each layer of a dense block adds; not used by the compact network.</summary>
    public required int Growth { get; init; }

    /// <summary>How often it doubles the size of its feature maps; 0 for the compact network, which enlarges only at its end.</summary>
    public required int Doublings { get; init; }

    /// <summary>The side of the squares of pixels that become one place of the feature maps. The sides of images must be multiples of it.</summary>
    public int Unshuffle => IsCompact ? 1 : (1 << Doublings) / Scale;

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static UpscalerConfig From(ConfigFile file)
    {
        file.RequireText("_class_name", ResidualClass, CompactClass);
        bool isCompact = file.RequiredText("_class_name") == CompactClass;
        UpscalerConfig config = new()
        {
            IsCompact = isCompact,
            Scale = file.Count(isCompact ? "upscale" : "scale", 4, LargestScale),
            Features = file.Count("num_feat", 64),
            Blocks = file.Count(isCompact ? "num_conv" : "num_block", isCompact ? 16 : 23, MostBlocks),
            Growth = file.Count("num_grow_ch", 32),
            Doublings = isCompact ? 0 : file.Integer("num_upsampling", 2),
        };
        if (!isCompact && (config.Doublings is < 0 or > 4 || (1 << config.Doublings) % config.Scale != 0))
            throw file.Invalid("scale", $"with 'num_upsampling' of {config.Doublings} it must be a power of 2 up to {1 << Math.Clamp(config.Doublings, 0, 4)}");
        return config;
    }
}
