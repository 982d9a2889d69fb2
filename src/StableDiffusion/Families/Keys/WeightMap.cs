using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Keys;

/// <summary>Collects where in a file the weights of a network are, and which of the file's tensors they come from.</summary>
/// <param name="file">The file.</param>
/// <param name="known">Receives the names of the tensors that belong to the network.</param>
internal sealed class WeightMap(ITensorFile file, HashSet<string> known)
{
    private readonly Dictionary<string, WeightOrigin> _origins = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor that is an unchanged weight.</summary>
    /// <param name="name">The weight's name; null for a tensor that is not a weight, which is ignored.</param>
    /// <param name="key">The tensor's name in the file.</param>
    public void Add(string? name, string key)
    {
        if (name is not null)
            Add(name, new WeightOrigin(key, file.Tensors[key].Shape));
    }

    /// <summary>Adds a tensor that contains several weights of the same shape, stacked by rows.</summary>
    /// <param name="names">The weights' names from the first row on.</param>
    /// <param name="key">The tensor's name in the file.</param>
    /// <exception cref="ModelInvalidException">Its rows cannot be divided among them.</exception>
    public void AddRows(ReadOnlySpan<string> names, string key)
    {
        StoredTensor tensor = file.Tensors[key];
        if (tensor.Shape.Count == 0 || tensor.Shape[0] % names.Length != 0)
            throw new ModelInvalidException($"Tensor '{key}' in '{file.Path}' has the shape {tensor.ShapeText}, and should contain {names.Length} weights stacked by rows.");

        long[] shape = [tensor.Shape[0] / names.Length, .. tensor.Shape.Skip(1)];
        for (int i = 0; i < names.Length; i++)
            Add(names[i], new WeightOrigin(key, shape) { Start = i * (tensor.Count / names.Length) });
    }

    /// <summary>Adds a tensor that is a transposed weight.</summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="key">The tensor's name in the file.</param>
    /// <exception cref="ModelInvalidException">It is not a matrix, or too large to be transposed.</exception>
    public void AddTransposed(string name, string key)
    {
        StoredTensor tensor = file.Tensors[key];
        if (tensor.Shape.Count != 2 || tensor.Count > Array.MaxLength)
            throw new ModelInvalidException($"Tensor '{key}' in '{file.Path}' has the shape {tensor.ShapeText}, and should be a matrix of at most {Array.MaxLength} values.");
        Add(name, new WeightOrigin(key, [tensor.Shape[1], tensor.Shape[0]]) { Transposed = true });
    }

    /// <summary>Marks a tensor as known, but not needed.</summary>
    /// <param name="key">The tensor's name in the file.</param>
    public void PassOver(string key) => known.Add(key);

    /// <summary>The weights.</summary>
    public MappedWeights ToWeights() => new(file, _origins);

    private void Add(string name, WeightOrigin origin)
    {
        if (!_origins.TryAdd(name, origin))
            throw new ModelInvalidException($"'{file.Path}' contains '{name}' twice, as '{_origins[name].Key}' and as '{origin.Key}'.");
        known.Add(origin.Key);
    }
}
