namespace StableDiffusion.Hub;

/// <summary>The files to download, and the name of the model.</summary>
internal sealed record HubRequest
{
    /// <summary>The repository: <c>owner/name</c>, or <c>owner/name@revision</c>.</summary>
    public required string Id { get; init; }

    /// <summary>A branch, a tag or a commit; null for the one in <see cref="Id"/>, or the branch <c>main</c>.</summary>
    public string? Revision { get; init; }

    /// <summary>The model's name in the store; null for the name of the repository without its owner, or of <see cref="File"/> without its extension.</summary>
    public string? Name { get; init; }

    /// <summary>The only file to download, by its path in the repository; null to choose by the repository's layout.</summary>
    public string? File { get; init; }

    /// <summary>The variant of the weights to prefer, such as <c>fp16</c>; null for full precision.</summary>
    public string? Variant { get; init; }

    /// <summary>Decides by path whether a file is downloaded, in place of the choice by layout; null for that choice.</summary>
    public Func<string, bool>? Include { get; init; }

    /// <summary>Decides by path whether a file is left out; null to leave out none.</summary>
    public Func<string, bool>? Exclude { get; init; }

    /// <summary>Whether to replace a model of that name, and to download it again if it already exists.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the model is kept without opening all of its parts and making an image of one step with them.</summary>
    public bool SkipTest { get; init; }

    /// <summary>The number of files to download at the same time, 1 to 32.</summary>
    public int ThrottleLimit { get; init; } = 4;
}
