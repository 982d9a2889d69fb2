namespace StableDiffusion.Weights;

/// <summary>Where in a file a weight lies that has another name there.</summary>
/// <param name="Key">The name of the file's tensor.</param>
/// <param name="Shape">The weight's own shape.</param>
internal sealed record WeightOrigin(string Key, IReadOnlyList<long> Shape)
{
    /// <summary>The first value of the file's tensor that belongs to the weight.</summary>
    public long Start { get; init; }

    /// <summary>Whether the file holds the matrix with its axes exchanged.</summary>
    public bool Transposed { get; init; }
}
