using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>Finds the tensors of a file that can be weights.</summary>
internal static class FloatTensors
{
    /// <summary>The shape of a tensor of floats.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <returns>The shape; null if there is no such tensor.</returns>
    /// <exception cref="ModelInvalidException">The tensor holds integers or Booleans, which no weight does, or has a scale beside it.</exception>
    public static IReadOnlyList<long>? FindFloatShape(this ITensorFile file, string name)
    {
        StoredTensor? tensor = file.Tensors.GetValueOrDefault(name);
        WeightScales.Refuse(name, file.Path, file.Tensors.ContainsKey);
        return tensor?.ElementType is >= StoredElementType.I64
            ? throw new ModelInvalidException($"The tensor '{name}' in '{file.Path}' is of the type {tensor.ElementType}, and weights are floats. Use a file with unquantized weights.")
            : tensor?.Shape;
    }
}
