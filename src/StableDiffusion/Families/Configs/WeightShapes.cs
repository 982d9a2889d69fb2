using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>Questions about the shapes of a network, from which its config follows.</summary>
/// <param name="weights">The weights under diffusers' names.</param>
/// <param name="network">The name of the network in messages, such as "U-Net".</param>
internal sealed class WeightShapes(MappedWeights weights, string network)
{
    /// <summary>Whether the network has a weight.</summary>
    public bool Has(string name) => weights.FindShape(name) is not null;

    /// <summary>The number of elements of a list, from one on without a gap.</summary>
    /// <param name="list">The list's path.</param>
    /// <param name="mark">A weight that every element has.</param>
    /// <param name="first">The index of the first element.</param>
    public int Count(string list, string mark, int first = 0)
    {
        int count = 0;
        while (Has($"{list}.{first + count}.{mark}"))
            count++;
        return count;
    }

    /// <summary>The number of a weight's axes.</summary>
    public int Rank(string name) => Shape(name).Count;

    /// <summary>The length of an axis of a weight.</summary>
    /// <param name="name">The weight, which must exist.</param>
    /// <param name="axis">The axis, from the outermost.</param>
    public int Axis(string name, int axis)
    {
        IReadOnlyList<long> shape = Shape(name);
        return axis < shape.Count && shape[axis] is > 0 and <= int.MaxValue
            ? (int)shape[axis]
            : throw Invalid($"'{name}' has the shape [{string.Join(',', shape)}]");
    }

    /// <summary>An error that names the file and the network.</summary>
    /// <param name="fault">What is wrong.</param>
    public ModelInvalidException Invalid(string fault) =>
        new($"The {network} in '{weights.Source}' cannot be built: {fault}.");

    private IReadOnlyList<long> Shape(string name) => weights.FindShape(name)
        ?? throw new ModelInvalidException($"The {network} in '{weights.Source}' is incomplete: '{name}' is missing.");
}
