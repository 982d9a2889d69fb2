using StableDiffusion.Pipelines.Estimates;

namespace StableDiffusion.Batches.Bills;

/// <summary>An image of a row that would be made, or is there already.</summary>
internal sealed record PlannedImage
{
    /// <summary>The full path of its file; null if none is written.</summary>
    public required string? File { get; init; }

    /// <summary>What it takes to make it; null if it is there already.</summary>
    public required ImageWork? Work { get; init; }

    /// <summary>Whether the graphs of its model are built.</summary>
    public bool IsBuilt { get; init; }

    /// <summary>How many images go through the U-Net at once.</summary>
    public int AtOnce { get; init; } = 1;
}
