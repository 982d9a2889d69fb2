using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Pipelines;

/// <summary>
/// Estimates the memory that an image needs on the processor, so that one that cannot fit is refused before a model is opened.
/// The most is needed by the autoencoder, whose widest feature maps have the size of the image or of a tile; attention is
/// computed in parts, and needs less.
/// </summary>
/// <param name="model">The model, of which only configs are read.</param>
/// <param name="options">How it encodes and decodes.</param>
internal sealed class MemoryEstimate(DiffusionModel model, VaeOptions options)
{
    /// <summary>Above this number of bytes, an image is made in tiles by itself: 1365x1365 pixels with the autoencoder of Stable Diffusion.</summary>
    private const long LargestWhole = 8L << 30;

    /// <summary>Above this number of bytes, the memory of the autoencoder is given back after each image. The next one takes some percent longer.</summary>
    private const long LargestKept = 2L << 30;

    // The maps of the U-Net at its highest resolution, 14 to 24 with the model that ships with the engine, and their channels in Stable Diffusion.
    private const int StepMaps = 20;
    private const int DefaultStepChannels = 320;

    private readonly VaeTraits _vae = options.Vae is string vae ? model.Vaes.Find(vae).Traits : model.VaeTraits;

    /// <summary>The longest side in pixels of what goes through the U-Net at once; 0 if nothing does.</summary>
    public int StepSide { get; init; } = int.MaxValue;

    /// <summary>The longest side of a tile in pixels.</summary>
    public int TileSize => options.TileSizeFor(_vae.SampleSize);

    /// <summary>Throws for an image that cannot fit into memory.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <exception cref="InvalidSettingException">It needs more memory than there is; the message has the estimate.</exception>
    public void Check(int width, int height)
    {
        if (FitsWhole(width, height))
            return;

        long whole = Whole(width, height), inTiles = Math.Min(whole, InTiles(width, height));
        bool isOff = options.Tiling == VaeTiling.Off;
        if (inTiles <= Limit && !isOff)
            return;

        string advice = isOff && inTiles <= Limit ? "Let the autoencoder work in tiles, make" : "Make";
        throw new InvalidSettingException("Width", $"An image of {width}x{height} pixels needs about {ByteSize.Format(isOff ? whole : inTiles)} of memory with the model '{model.Info.Name}', and the limit is {ByteSize.Format(Limit)}, the memory of this computer if {MemoryLimit.Variable} is not set. {advice} the image smaller, or set that environment variable to a higher number of MB.");
    }

    /// <summary>Whether an image is so large that it is made in tiles on every computer, so that the same settings give the same image.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    public bool IsLarge(int width, int height) => Whole(width, height) > LargestWhole;

    /// <summary>Whether there is enough memory for an image as a whole, as far as the estimate can tell.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    public bool FitsWhole(int width, int height) => model.Device.Kind != DeviceKind.Cpu || Whole(width, height) <= Limit;

    /// <summary>Whether the autoencoder takes so much memory for an image that the system should get it back afterwards.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    public bool IsWorthReleasing(int width, int height) => Whole(width, height) > LargestKept;

    /// <summary>The memory for an image as a whole.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <returns>The number of bytes.</returns>
    public long Whole(int width, int height) => Bytes(_vae.WidestChannels, width, height, _vae.Maps);

    /// <summary>The memory for feature maps of the autoencoder.</summary>
    /// <param name="channels">The number of channels of the autoencoder at the size of the image.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="maps">The number of feature maps.</param>
    /// <returns>The number of bytes.</returns>
    internal static long Bytes(int channels, int width, int height, int maps = VaeTraits.FullMaps) => (long)width * height * channels * sizeof(float) * maps;

    private static long Limit => MemoryLimit.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    // The steps need less than the autoencoder for the whole image, but not less than it for a tile.
    private long InTiles(int width, int height) => Math.Max(Whole(Math.Min(width, TileSize), Math.Min(height, TileSize)), Steps(width, height));

    /// <summary>The memory for the steps of the denoising, without the weights.</summary>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <returns>The number of bytes.</returns>
    public long Steps(int width, int height)
    {
        int channels = model.BackboneConfig?.BlockChannels[0] ?? DefaultStepChannels;
        return (long)(Math.Min(width, StepSide) / model.Info.LatentFactor) * (Math.Min(height, StepSide) / model.Info.LatentFactor) * channels * sizeof(float) * StepMaps;
    }

    /// <summary>The memory of the cross-attention that a denoising keeps.</summary>
    /// <param name="attention">Which is kept.</param>
    /// <param name="columns">The number of columns in which it is kept, those of all predictions together.</param>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <returns>The number of bytes; null if the model has no config that says which layers its U-Net has.</returns>
    public long? Attention(AttentionOptions attention, long columns, int width, int height) => model.BackboneConfig?.CrossAttentions
        .Where(layer => attention.Layers.Count == 0 || attention.Layers.Any(pattern => AttentionUNet.IsOf(pattern, layer.Name)))
        .Sum(layer => (attention.KeepsHeads ? layer.Heads : 1) * (long)Halve(width / model.Info.LatentFactor, layer.Level) * Halve(height / model.Info.LatentFactor, layer.Level) * columns * sizeof(float));

    // A convolution with a stride of 2 rounds odd sizes up.
    private static int Halve(int side, int times) => (side + (1 << times) - 1) >> times;
}
