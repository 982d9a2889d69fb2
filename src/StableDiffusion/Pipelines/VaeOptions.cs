using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>How the autoencoder encodes and decodes images.</summary>
public sealed record VaeOptions
{
    // Up to the size that most models are trained on, a tile takes little memory.
    private const int SmallestDefault = 64;
    private const int LargestDefault = 512;

    /// <summary>The name or path of the autoencoder to use; null for the model's own.</summary>
    public string? Vae { get; init; }

    /// <summary>Whether it works in overlapping tiles, which takes less memory.</summary>
    public VaeTiling Tiling { get; init; }

    /// <summary>The longest side of a tile in pixels, 32 to 8192; null for the model's default.</summary>
    public int? TileSize { get; init; }

    /// <summary>How decoded values become bytes.</summary>
    public ByteRounding Rounding { get; init; }

    /// <summary>The edges of the image that meet; null for those of the latent that is decoded, and none of an image that is encoded.</summary>
    public Tiling? Seamless { get; init; }

    /// <summary>Reads the options among the settings of an image.</summary>
    /// <param name="settings">The settings.</param>
    /// <returns>The options.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range; the message names it.</exception>
    public static VaeOptions From(GenerationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        VaeOptions options = new()
        {
            Vae = settings.Vae,
            Tiling = EnumSetting.Parse(nameof(GenerationSettings.VaeTiling), settings.VaeTiling, VaeTiling.Auto),
            TileSize = settings.VaeTileSize,
            Seamless = EnumSetting.ParseOrNull<Tiling>(nameof(GenerationSettings.Tiling), settings.Tiling),
        };
        options.Check();
        return options;
    }

    /// <summary>Reads the options in the record of a stage, where what is left out is none.</summary>
    /// <param name="settings">The settings of the stage.</param>
    /// <returns>The options.</returns>
    internal static VaeOptions Recorded(GenerationSettings settings)
    {
        VaeOptions options = From(settings);
        return options with { Seamless = options.Seamless ?? Settings.Tiling.None };
    }

    /// <summary>Throws for a size of tiles that is out of range.</summary>
    internal void Check()
    {
        if (TileSize is int size)
            SettingTable.Find(nameof(GenerationSettings.VaeTileSize)).Check(size);
    }

    /// <summary>The longest side of a tile in pixels.</summary>
    /// <param name="sampleSize">The side of the images that the autoencoder was trained on; null if unknown.</param>
    /// <remarks>The default is that side, 64 to 512.</remarks>
    internal int TileSizeFor(int? sampleSize) => TileSize ?? Math.Clamp(sampleSize ?? LargestDefault, SmallestDefault, LargestDefault);
}
