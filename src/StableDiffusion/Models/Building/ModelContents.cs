using StableDiffusion.Models.Checkpoints;
using StableDiffusion.Models.Configs;
using StableDiffusion.Models.Weights;

namespace StableDiffusion.Models.Building;

/// <summary>One of a model's networks, ready to be built.</summary>
/// <param name="Name">Its folder's name in diffusers' layout.</param>
/// <param name="ConfigPath">Where its config comes from, for messages.</param>
/// <param name="Config">Its <c>config.json</c>.</param>
/// <param name="Weights">Its weights under diffusers' names.</param>
internal sealed record ModelNetwork(string Name, string ConfigPath, byte[] Config, IWeights Weights)
{
    public ConfigFile ReadConfig() => ConfigFile.Parse(Config, ConfigPath);
}

/// <summary>What a model's source holds, open for reading.</summary>
/// <param name="networks">The networks: one or two text encoders, the U-Net and the autoencoder.</param>
/// <param name="files">The files that every form of the model has alike: their paths in the model's folder, and their bytes.</param>
/// <param name="opened">What is to be closed with it.</param>
internal sealed class ModelContents(IReadOnlyList<ModelNetwork> networks, IReadOnlyList<(string Path, byte[] Bytes)> files, IReadOnlyList<IDisposable> opened) : IDisposable
{
    public IReadOnlyList<ModelNetwork> Networks { get; } = networks;

    public IReadOnlyList<(string Path, byte[] Bytes)> Files { get; } = files;

    /// <summary>The family of the model, where its form tells it.</summary>
    public ModelFamily? Family { get; init; }

    /// <summary>What the model takes besides the noise, where its form tells it.</summary>
    public ModelVariant? Variant { get; init; }

    /// <summary>What is worth telling of the source.</summary>
    public IReadOnlyList<CheckpointFinding> Findings { get; init; } = [];

    public void Dispose()
    {
        foreach (IDisposable item in opened)
            item.Dispose();
    }
}
