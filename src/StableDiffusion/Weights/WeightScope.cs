namespace StableDiffusion.Weights;

/// <summary>The weights below a path, such as <c>down_blocks.0.resnets.1</c>.</summary>
/// <param name="Weights">All the weights.</param>
/// <param name="Path">The path, without a trailing dot; empty for all weights.</param>
internal readonly record struct WeightScope(IWeights Weights, string Path = "")
{
    /// <summary>The weights below a part of this path.</summary>
    /// <param name="part">A name, or several names joined by dots.</param>
    public WeightScope this[string part] => new(Weights, Join(part));

    /// <summary>The weights below an element of a list.</summary>
    /// <param name="list">The list's name.</param>
    /// <param name="index">The index of the element.</param>
    public WeightScope this[string list, int index] => this[$"{list}.{index}"];

    /// <summary>Whether a weight exists.</summary>
    /// <param name="name">Its name below the path.</param>
    /// <returns>True if it exists.</returns>
    public bool Has(string name) => Weights.FindShape(Join(name)) is not null;

    /// <summary>Returns a weight that must exist with this shape.</summary>
    /// <param name="name">Its name below the path.</param>
    /// <param name="shape">Its shape.</param>
    /// <returns>The weight.</returns>
    /// <exception cref="ModelInvalidException">It is missing, or has another shape.</exception>
    public Weight Get(string name, params int[] shape)
    {
        string fullName = Join(name);
        IReadOnlyList<long> found = Weights.FindShape(fullName)
            ?? throw new ModelInvalidException($"'{Weights.Source}' has no tensor '{fullName}' {Describe(shape)} that the model's configuration requires.");

        bool equal = found.Count == shape.Length;
        for (int axis = 0; equal && axis < shape.Length; axis++)
            equal = found[axis] == shape[axis];
        return equal
            ? new Weight(Weights, fullName, shape)
            : throw new ModelInvalidException(
                $"Tensor '{fullName}' in '{Weights.SourceOf(fullName)}' has the shape [{string.Join(',', found)}], but the model's configuration requires {Describe(shape)}.");
    }

    private static string Describe(int[] shape) => $"[{string.Join(',', shape)}]";

    private string Join(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
