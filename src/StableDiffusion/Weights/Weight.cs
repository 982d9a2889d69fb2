namespace StableDiffusion.Weights;

/// <summary>A weight, or some of its rows, that is known to have the shape that the network needs.</summary>
/// <param name="Weights">Where its values come from.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">The length of each axis, outermost first.</param>
internal sealed record Weight(IWeights Weights, string Name, int[] Shape)
{
    /// <summary>The first of its values that counts.</summary>
    private long Start { get; init; }

    /// <summary>How many values there are.</summary>
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

    /// <summary>A part of the weight along its outermost axis.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="count">How many rows.</param>
    /// <returns>The rows as a weight of its own.</returns>
    public Weight Rows(int first, int count) =>
        this with { Shape = [count, .. Shape[1..]], Start = Start + (long)first * (Count / Shape[0]) };

    /// <summary>The same values under another shape.</summary>
    /// <param name="shape">A shape that holds as many values.</param>
    /// <returns>The weight.</returns>
    public Weight Reshape(params int[] shape) => this with { Shape = shape };

    /// <summary>Reads its values.</summary>
    /// <param name="destination">Receives them all, row by row.</param>
    public void Read(Span<float> destination) => Weights.Read(Name, destination, Start);
}
