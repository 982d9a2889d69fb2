namespace StableDiffusion.Weights;

/// <summary>
/// Where the graphs take a network's weights from, under the names that diffusers and transformers give them.
/// Other layouts of the same weights are read through an implementation that maps the names.
/// </summary>
internal interface IWeights
{
    /// <summary>The file or folder that they come from, for messages.</summary>
    string Source { get; }

    /// <summary>The shape of a weight, or null if there is none of that name.</summary>
    IReadOnlyList<long>? FindShape(string name);

    /// <summary>Reads values of a weight as 32-bit floats.</summary>
    /// <param name="name">The weight's name; it exists.</param>
    /// <param name="destination">Receives as many values as it is long.</param>
    /// <param name="start">The first value to read, counted row by row.</param>
    void Read(string name, Span<float> destination, long start = 0);
}
