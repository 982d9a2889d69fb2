using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>The weights of one file whose tensors have other names than diffusers', or another arrangement.</summary>
/// <param name="file">The file; its owner disposes it after the last reading.</param>
/// <param name="origins">Where each weight lies, by diffusers' name.</param>
internal sealed class MappedWeights(ITensorFile file, IReadOnlyDictionary<string, WeightOrigin> origins) : IWeights
{
    public string Source => file.Path;

    /// <summary>The weights' names, as diffusers has them.</summary>
    public IEnumerable<string> Names => origins.Keys;

    public IReadOnlyList<long>? FindShape(string name) => origins.GetValueOrDefault(name)?.Shape;

    public void Read(string name, Span<float> destination, long start = 0)
    {
        WeightOrigin origin = origins.GetValueOrDefault(name)
            ?? throw new ModelInvalidException($"'{Source}' holds no tensor that is '{name}'.");
        if (origin.Transposed)
            ReadTransposed(origin, destination, start);
        else
            file.Read(origin.Key, destination, origin.Start + start);
    }

    // Only small matrices lie transposed in files, so the whole of it is read for a part.
    private void ReadTransposed(WeightOrigin origin, Span<float> destination, long start)
    {
        int rows = checked((int)origin.Shape[0]);
        int columns = checked((int)origin.Shape[1]);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, (long)rows * columns - destination.Length);

        float[] stored = GC.AllocateUninitializedArray<float>(checked(rows * columns));
        file.Read(origin.Key, stored);
        for (int i = 0; i < destination.Length; i++)
        {
            (int row, int column) = Math.DivRem((int)start + i, columns);
            destination[i] = stored[column * rows + row];
        }
    }
}
