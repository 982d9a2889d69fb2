namespace StableDiffusion.Weights;

/// <summary>A weight, or some of its rows, whose shape has been checked against the network's.</summary>
/// <param name="Weights">The weights that it belongs to.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">The length of each axis, outermost first.</param>
internal sealed record Weight(IWeights Weights, string Name, int[] Shape)
{
    /// <summary>The index of the first value that belongs to it.</summary>
    private long Start { get; init; }

    /// <summary>The file that it is in, for messages.</summary>
    public string Source => Weights.SourceOf(Name);

    public int Count
    {
        get
        {
            int count = 1;
            foreach (int length in Shape)
                count = checked(count * length);
            return count;
        }
    }

    /// <summary>Returns some rows along the outermost axis.</summary>
    /// <param name="first">The index of the first row.</param>
    /// <param name="count">The number of rows.</param>
    /// <returns>The rows.</returns>
    public Weight Rows(int first, int count) =>
        this with { Shape = [count, .. Shape[1..]], Start = Start + (long)first * (Count / Shape[0]) };

    /// <summary>Returns the same values in another shape.</summary>
    /// <param name="shape">A shape with the same number of values.</param>
    /// <returns>The weight.</returns>
    public Weight Reshape(params int[] shape) => this with { Shape = shape };

    /// <summary>Reads the values.</summary>
    /// <param name="destination">Receives all values in row-major order.</param>
    /// <exception cref="ModelInvalidException">A value is infinite or not a number.</exception>
    public void Read(Span<float> destination)
    {
        Weights.Read(Name, destination, Start);
        if (!TensorPrimitives.IsFiniteAll<float>(destination))
            throw new ModelInvalidException($"The tensor '{Name}' in '{Source}' has values that are not finite. The file is damaged; get it again.");
    }
}
