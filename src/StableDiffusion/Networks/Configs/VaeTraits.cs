namespace StableDiffusion.Networks.Configs;

/// <summary>What an autoencoder of any kind says of itself: what it needs of a model, and how much memory it takes.</summary>
/// <param name="LatentChannels">The channels of its latents.</param>
/// <param name="Factor">The number of pixels per latent value along each side.</param>
/// <param name="ScalingFactor">The factor by which its latents are multiplied for the U-Net.</param>
/// <param name="SampleSize">The side in pixels of the images that it was trained on; null if unknown.</param>
/// <param name="WidestChannels">The channels of its feature maps of the size of the image, which take the most memory.</param>
/// <param name="Maps">How many such feature maps its memory is worth.</param>
internal sealed record VaeTraits(int LatentChannels, int Factor, float ScalingFactor, int? SampleSize, int WidestChannels, int Maps)
{
    /// <summary>The feature maps of a full autoencoder. Measured with the model that ships with the engine, 512 to 1024 pixels a side: 9 to 13; with that of Stable Diffusion: 9.</summary>
    public const int FullMaps = 9;

    // Measured with 64 channels, 512 to 1536 pixels a side, both halves: 4 to 4.5.
    private const int TinyMaps = 5;

    /// <summary>The traits of an autoencoder.</summary>
    /// <param name="config">Its configuration.</param>
    public static VaeTraits Of(VaeConfig config) =>
        new(config.LatentChannels, config.Factor, config.ScalingFactor, config.SampleSize, config.BlockChannels[0], FullMaps);

    /// <summary>The traits of a tiny autoencoder.</summary>
    /// <param name="config">Its configuration.</param>
    public static VaeTraits Of(TinyVaeConfig config) =>
        new(config.LatentChannels, config.Factor, config.ScalingFactor, SampleSize: null, Math.Max(config.EncoderChannels, config.DecoderChannels), TinyMaps);

    /// <summary>Reads the traits of an autoencoder of either class.</summary>
    /// <param name="file">Its <c>config.json</c>.</param>
    /// <exception cref="ModelInvalidException">It contradicts itself, or needs something that is not supported.</exception>
    public static VaeTraits From(ConfigFile file) => IsTiny(file) ? Of(TinyVaeConfig.From(file)) : Of(VaeConfig.From(file));

    /// <summary>Whether a configuration is that of a tiny autoencoder.</summary>
    /// <param name="file">The <c>config.json</c>.</param>
    public static bool IsTiny(ConfigFile file) => file.Text("_class_name", string.Empty) == TinyVaeConfig.ClassName;
}
