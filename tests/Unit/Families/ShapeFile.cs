using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Families;

/// <summary>A file of tensors that has shapes, and as values the name's length and the place; as large as real models are, in no memory.</summary>
internal sealed class ShapeFile(string name = "model.safetensors") : ITensorFile
{
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);

    public string Path { get; } = System.IO.Path.GetFullPath(name);

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    public Dictionary<string, string> Texts { get; } = [];

    public IReadOnlyDictionary<string, string> Metadata => Texts;

    public ShapeFile Add(string key, params long[] shape)
    {
        _tensors.Add(key, new StoredTensor(key, StoredElementType.F16, shape, 2 * shape.Aggregate(1L, (product, length) => product * length)));
        return this;
    }

    /// <summary>A layer of a matrix or of kernels, and a bias.</summary>
    public ShapeFile AddLayer(string path, params long[] shape) => Add($"{path}.weight", shape).Add($"{path}.bias", shape[0]);

    public ShapeFile Remove(string prefix)
    {
        foreach (string key in _tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
            _tensors.Remove(key);
        return this;
    }

    /// <summary>Gives every tensor whose name has a beginning another name.</summary>
    public ShapeFile Rename(string prefix, Func<string, string> rename, bool keep = false)
    {
        foreach (StoredTensor tensor in _tensors.Values.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
        {
            if (!keep)
                _tensors.Remove(tensor.Name);
            Add(rename(tensor.Name), [.. tensor.Shape]);
        }

        return this;
    }

    public static float ValueOf(string key, long place) => key.Length + place;

    public void Read(string name, Span<float> destination, long start = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, _tensors[name].Count, nameof(start));
        for (int i = 0; i < destination.Length; i++)
            destination[i] = ValueOf(name, start + i);
    }

    public void Dispose()
    {
    }
}
