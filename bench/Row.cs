namespace StableDiffusion.Benchmarks;

/// <summary>A row of the table.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Measured">Its figure.</param>
internal sealed record Row(string Name, string Measured)
{
    /// <summary>The figure of what it is compared with, and what that is.</summary>
    public string Beside { get; init; } = string.Empty;

    /// <summary>The comparison: a ratio or a difference.</summary>
    public string Compared { get; init; } = string.Empty;

    /// <summary>The same comparison in processor time, where that was measured.</summary>
    public string Processor { get; init; } = string.Empty;

    /// <summary>The goal in words, empty where there is none.</summary>
    public string Goal { get; init; } = string.Empty;

    /// <summary>Whether the goal was met; null where there is none.</summary>
    public bool? IsMet { get; init; }
}
