namespace StableDiffusion.Library;

/// <summary>What was found when a model was tested.</summary>
public sealed record ModelTestReport
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The full path of its folder.</summary>
    public required string Path { get; init; }

    /// <summary>Whether nothing is wrong with it.</summary>
    public bool IsValid => Problems.Count == 0;

    /// <summary>How many files were compared with the hashes that the model came with; 0 where it came without.</summary>
    public required int CheckedFiles { get; init; }

    /// <summary>Whether an image was made, in one step from noise to pixels and back into a latent.</summary>
    public required bool HasRun { get; init; }

    /// <summary>What is wrong, a sentence each that names the file or the part.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>How long the test took.</summary>
    public required TimeSpan Elapsed { get; init; }
}
