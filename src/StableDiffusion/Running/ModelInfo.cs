using StableDiffusion.Families;

namespace StableDiffusion.Running;

/// <summary>What is known of a model without opening it.</summary>
public sealed record ModelInfo
{
    /// <summary>The name to ask for it by: its folder's, or the full path of a folder or file outside the store.</summary>
    public required string Name { get; init; }

    /// <summary>The same as <see cref="Name"/>, under the name that embeddings, latents and images have for it.</summary>
    public string Model => Name;

    /// <summary>The family: <c>StableDiffusion1</c>, <c>StableDiffusion2</c>, <c>StableDiffusionXL</c> or <c>StableDiffusionXLRefiner</c>.</summary>
    public required string Family { get; init; }

    /// <summary>The full path of its folder, or of its single file.</summary>
    public required string Path { get; init; }

    /// <summary>Whether it is the one that ships with the module.</summary>
    public bool IsEmbedded { get; init; }

    /// <summary>The width that it was trained on, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height that it was trained on, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>How many steps are taken where nobody says.</summary>
    public required int Steps { get; init; }

    /// <summary>The guidance scale that is taken where nobody says.</summary>
    public required double GuidanceScale { get; init; }

    /// <summary>The scheduler that its own config names.</summary>
    public required string Scheduler { get; init; }

    /// <summary>What the U-Net predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    public required string PredictionType { get; init; }

    /// <summary>How many channels a latent has.</summary>
    public required int LatentChannels { get; init; }

    /// <summary>How many pixels of a side make up one of the latent.</summary>
    public required int LatentFactor { get; init; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of the U-Net's weights, as metadata of images name a model; null until it was opened once.</summary>
    public string? Hash { get; init; }

    /// <summary>What its U-Net takes besides the noised latent; null if no config says it.</summary>
    internal ModelVariant? Variant { get; init; }

    /// <summary>How many bytes its files take.</summary>
    public required long Length { get; init; }
}
