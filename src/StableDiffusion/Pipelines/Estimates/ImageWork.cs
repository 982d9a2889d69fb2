namespace StableDiffusion.Pipelines.Estimates;

/// <summary>What it takes to make an image, as far as that is known before a network is opened.</summary>
internal sealed record ImageWork
{
    /// <summary>The name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The full path of the model's folder or file.</summary>
    public required string ModelPath { get; init; }

    /// <summary>The size of the model's files in bytes.</summary>
    public required long ModelLength { get; init; }

    /// <summary>The device, as images record it.</summary>
    public required string Device { get; init; }

    /// <summary>The predictions of the U-Net, pass by pass. Those of regions that are painted anew are not among them: nobody knows how many there will be.</summary>
    public required IReadOnlyList<UNetWork> Passes { get; init; }

    /// <summary>The other settings that the time depends on, in words; empty for none.</summary>
    public required string Extras { get; init; }

    /// <summary>The width of the image in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height of the image in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The weights that it needs on the processor: the full path of the model, VAE or ControlNet, and the bytes in memory.</summary>
    public required IReadOnlyList<(string Path, long Bytes)> Weights { get; init; }

    /// <summary>The memory that its steps need beside the weights, in bytes.</summary>
    public required long StepMemory { get; init; }

    /// <summary>The memory that the autoencoder needs for it beside the weights, in bytes.</summary>
    public required long VaeMemory { get; init; }

    /// <summary>The number of predictions of the U-Net.</summary>
    public long Calls => Passes.Sum(static pass => pass.Count);

    /// <summary>Images of one model, device and shape take times that differ by their calls alone.</summary>
    public string Shape => $"{string.Join('+', Passes.Select(static pass => FormattableString.Invariant($"{pass.Width}x{pass.Height}")))}{Extras}";
}
