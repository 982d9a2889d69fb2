namespace StableDiffusion.Hub;

/// <summary>What is to be fetched, and what it is to be called here.</summary>
public sealed record HubRequest
{
    /// <summary>The repository: <c>owner/name</c>, or <c>owner/name@revision</c>.</summary>
    public required string Id { get; init; }

    /// <summary>A branch, a tag or a commit; null for what <see cref="Id"/> names, or the branch <c>main</c>.</summary>
    public string? Revision { get; init; }

    /// <summary>The model's name in the store; null for the repository's without its owner, or for that of <see cref="File"/> without its ending.</summary>
    public string? Name { get; init; }

    /// <summary>The one file to fetch, by its path in the repository; null to choose by the repository's layout.</summary>
    public string? File { get; init; }

    /// <summary>The form of the weights that is taken where there is one: <c>fp16</c> and the like; null for full precision.</summary>
    public string? Variant { get; init; }

    /// <summary>Says of a path whether the file is fetched, in place of the choice by layout; null for that choice.</summary>
    public Func<string, bool>? Include { get; init; }

    /// <summary>Says of a path whether the file is left out; null to leave out none.</summary>
    public Func<string, bool>? Exclude { get; init; }

    /// <summary>Whether a model of that name is replaced, and one that is there already fetched again.</summary>
    public bool Force { get; init; }

    /// <summary>How many files are fetched at once, 1 to 32.</summary>
    public int ThrottleLimit { get; init; } = 4;
}
