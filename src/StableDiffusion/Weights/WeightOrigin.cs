namespace StableDiffusion.Weights;

/// <summary>The origin of a weight that has another name in a file.</summary>
/// <param name="Key">The name of the tensor in the file.</param>
/// <param name="Shape">The shape of the weight.</param>
internal sealed record WeightOrigin(string Key, IReadOnlyList<long> Shape)
{
    /// <summary>The index of the weight's first value in the tensor.</summary>
    public long Start { get; init; }

    /// <summary>Whether the matrix is transposed in the file.</summary>
    public bool Transposed { get; init; }
}
