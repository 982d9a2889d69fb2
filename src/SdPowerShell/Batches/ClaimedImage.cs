using SdPowerShell.Records;
using StableDiffusion.Batches.Claims;

namespace SdPowerShell.Batches;

/// <summary>An image that another process has claimed, with what it takes to make it later.</summary>
internal sealed class ClaimedImage
{
    /// <summary>The record; null if the parameters give all.</summary>
    public required InputRecord? Input { get; init; }

    /// <summary>The subject of its errors and warnings.</summary>
    public required string? Subject { get; init; }

    /// <summary>The model; null for the one that ships with the module.</summary>
    public required string? Model { get; init; }

    /// <summary>The device, as it was given.</summary>
    public required string Device { get; init; }

    /// <summary>The full path of its file.</summary>
    public required string File { get; init; }

    /// <summary>The number of bytes of the images that it is made from.</summary>
    public long Bytes { get; init; }

    /// <summary>Looks whether its file is finished: true if it is, false if it is another one and an error was written, null if it is to be made.</summary>
    public required Func<bool?> Check { get; init; }

    /// <summary>Makes it, and gives the claim back.</summary>
    public required Action<Claim> Make { get; init; }
}
