namespace StableDiffusion.Denoising.Inspection;

/// <summary>What is kept of the cross-attention of a denoising. It changes no value, and is not recorded.</summary>
public sealed record AttentionOptions
{
    /// <summary>Says whether a layer is kept, by its name; null keeps all.</summary>
    public Func<string, bool>? KeepsLayer { get; init; }

    /// <summary>The steps to keep, from 1; null keeps all.</summary>
    public IReadOnlyCollection<int>? Steps { get; init; }
}
