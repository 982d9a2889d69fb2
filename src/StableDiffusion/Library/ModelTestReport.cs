namespace StableDiffusion.Library;

/// <summary>The result of testing a model.</summary>
public sealed record ModelTestReport
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The full path of its folder.</summary>
    public required string Path { get; init; }

    /// <summary>Whether no problems were found.</summary>
    public bool IsValid => Problems.Count == 0;

    /// <summary>The number of files that were compared with the model's hashes; 0 if it has no hashes.</summary>
    public required int CheckedFiles { get; init; }

    /// <summary>Whether an image was made in one step, decoded, and encoded into a latent again.</summary>
    public required bool HasRun { get; init; }

    /// <summary>The problems, one sentence each with the name of the file or part.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>The time that the test took.</summary>
    public required TimeSpan Elapsed { get; init; }
}
