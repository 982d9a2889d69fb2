using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Pipelines;

/// <summary>
/// Estimates the memory that an image needs on the processor, so that one that cannot fit is refused before a model is opened.
/// The most is needed by the autoencoder, whose widest feature maps have the size of the image; attention is computed in
/// parts, and needs less. Measured with the model that ships with the engine, 512 to 1024 pixels a side: 9 to 13 such maps.
/// </summary>
internal static class MemoryEstimate
{
    private const int Maps = 9;

    /// <summary>Throws for an image that cannot fit into memory.</summary>
    /// <param name="model">The model, of which only configs are read.</param>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <exception cref="InvalidSettingException">It needs more memory than there is; the message has the estimate.</exception>
    public static void Check(DiffusionModel model, int width, int height)
    {
        if (model.Device != Device.Cpu)
            return;

        long limit = MemoryLimit.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        long needed = Bytes(ChannelsOf(model.Info), width, height);
        if (needed > limit)
            throw new InvalidSettingException("Width", $"An image of {width}x{height} pixels needs about {ByteSize.Format(needed)} of memory with the model '{model.Info.Name}', and the limit is {ByteSize.Format(limit)}, the memory of this computer if {MemoryLimit.Variable} is not set. Make the image smaller, or set that environment variable to a higher number of MB.");
    }

    /// <summary>The memory for an image.</summary>
    /// <param name="channels">The number of channels of the autoencoder at the size of the image.</param>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <returns>The number of bytes.</returns>
    internal static long Bytes(int channels, int width, int height) => (long)width * height * channels * sizeof(float) * Maps;

    private static int ChannelsOf(ModelInfo model)
    {
        string? config = ((string[])[ModelParts.VaeDecoder, ModelParts.Vae]).Select(part => Path.Combine(model.Path, part, ModelParts.Config)).FirstOrDefault(File.Exists);
        return (config is null ? VaeConfig.StableDiffusion : VaeConfig.Read(config)).BlockChannels[0];
    }
}
