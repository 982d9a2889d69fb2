namespace StableDiffusion.Weights;

/// <summary>
/// The weights of a network, under the names that diffusers and transformers use. Implementations for other layouts map
/// the names.
/// </summary>
internal interface IWeights
{
    /// <summary>The file or folder of the weights, for messages.</summary>
    string Source { get; }

    /// <summary>The file of a weight, for messages.</summary>
    /// <param name="name">The name of an existing weight.</param>
    string SourceOf(string name) => Source;

    /// <summary>The shape of a weight, or null if there is no weight of that name.</summary>
    /// <exception cref="ModelInvalidException">It holds integers or Booleans.</exception>
    IReadOnlyList<long>? FindShape(string name);

    /// <summary>Reads values of a weight as 32-bit floats.</summary>
    /// <param name="name">The name of an existing weight.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    /// <param name="start">The index of the first value to read, in row-major order.</param>
    void Read(string name, Span<float> destination, long start = 0);
}
