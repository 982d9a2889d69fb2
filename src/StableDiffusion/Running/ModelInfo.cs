using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>Information about a model that is available without opening it.</summary>
public sealed record ModelInfo
{
    /// <summary>Its name: that of its folder, or the full path of a folder or file outside the store.</summary>
    public required string Name { get; init; }

    /// <summary>The same as <see cref="Name"/>, with the property name that embeddings, latents and images use.</summary>
    public string Model => Name;

    /// <summary>The family: <c>StableDiffusion1</c>, <c>StableDiffusion2</c>, <c>StableDiffusionXL</c> or <c>StableDiffusionXLRefiner</c>.</summary>
    public required string Family { get; init; }

    /// <summary>The full path of its folder, or of its single file.</summary>
    public required string Path { get; init; }

    /// <summary>Why the model cannot be used; null if its configs could be read. Of a model with a problem, only the name, the path and the size are known.</summary>
    public string? Problem { get; init; }

    /// <summary>Whether it is the one that ships with the module.</summary>
    public bool IsEmbedded { get; init; }

    /// <summary>The width that it was trained on, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height that it was trained on, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The default number of steps.</summary>
    public required int Steps { get; init; }

    /// <summary>The default guidance scale.</summary>
    public required double GuidanceScale { get; init; }

    /// <summary>The scheduler in its config.</summary>
    public required string Scheduler { get; init; }

    /// <summary>What the U-Net predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    public required string PredictionType { get; init; }

    /// <summary>The number of channels of a latent.</summary>
    public required int LatentChannels { get; init; }

    /// <summary>The number of image pixels for each latent pixel, along a side.</summary>
    public required int LatentFactor { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of the U-Net's weights, which identifies the model in the metadata of images; null until the model was opened once.</summary>
    public string? Hash { get; init; }

    /// <summary>The factor by which its autoencoder's latents are multiplied for the U-Net.</summary>
    internal float ScalingFactor { get; init; }

    /// <summary>What its latents are like.</summary>
    internal LatentSpace LatentSpace => new(Name, LatentChannels, LatentFactor, ScalingFactor);

    /// <summary>The model as embeddings and latents remember it.</summary>
    internal ModelMark Mark => new(Name, Hash);

    /// <summary>The variant of its U-Net by its extra inputs; null if unknown.</summary>
    internal ModelVariant? Variant { get; init; }

    /// <summary>The size of its files in bytes; of a folder, that of the first 10,000, without those behind links to folders.</summary>
    public required long Length { get; init; }

    /// <summary>A model in a list that cannot be used.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">The full path of its folder or file.</param>
    /// <param name="problem">Why it cannot be used.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    internal static ModelInfo Broken(string name, string path, string problem, CancellationToken cancellationToken) => new()
    {
        Name = name,
        Path = path,
        Problem = problem,
        Family = string.Empty,
        Width = 0,
        Height = 0,
        Steps = 0,
        GuidanceScale = 0,
        Scheduler = string.Empty,
        PredictionType = string.Empty,
        LatentChannels = 0,
        LatentFactor = 0,
        Length = FolderFiles.Length(path, cancellationToken),
    };
}
