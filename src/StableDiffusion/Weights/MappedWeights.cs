using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>The weights of one file that uses other names or another arrangement than diffusers.</summary>
/// <param name="file">The file; the caller disposes it after the last read.</param>
/// <param name="origins">The origin of each weight in the file, by diffusers' name.</param>
internal sealed class MappedWeights(ITensorFile file, IReadOnlyDictionary<string, WeightOrigin> origins) : IWeights
{
    public string Source => file.Path;

    /// <summary>The names of the weights in diffusers.</summary>
    public IEnumerable<string> Names => origins.Keys;

    public IReadOnlyList<long>? FindShape(string name)
    {
        // The shape in the file may be another.
        WeightOrigin? origin = origins.GetValueOrDefault(name);
        _ = origin is null ? null : file.FindFloatShape(origin.Key);
        return origin?.Shape;
    }

    public void Read(string name, Span<float> destination, long start = 0)
    {
        WeightOrigin origin = origins.GetValueOrDefault(name)
            ?? throw new ModelInvalidException($"'{Source}' has no tensor for '{name}'.");
        if (origin.Transposed)
            ReadTransposed(origin, destination, start);
        else
            file.Read(origin.Key, destination, origin.Start + start);
    }

    // Only small matrices are transposed in files, so a matrix is read as a whole even for a part of it.
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
