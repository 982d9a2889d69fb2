using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>Weights that are split into several files in one folder, under diffusers' names.</summary>
internal sealed class ShardedWeights : IWeights, IDisposable
{
    private readonly Dictionary<string, ITensorFile> _files;
    private readonly ShardIndex _index;

    private ShardedWeights(ShardIndex index, Dictionary<string, ITensorFile> files)
    {
        _index = index;
        _files = files;
    }

    public string Source => _index.Path;

    /// <summary>Opens all files of an index and checks that each contains what the index says.</summary>
    /// <param name="path">The path of the index, a <c>*.safetensors.index.json</c>.</param>
    /// <returns>The weights; dispose them to close the files.</returns>
    /// <exception cref="ModelNotFoundException">The index or a file that it names is missing.</exception>
    /// <exception cref="ModelInvalidException">The index or a file is damaged, or they contradict each other.</exception>
    public static ShardedWeights Open(string path)
    {
        ShardIndex index = ShardIndex.Read(path);
        Dictionary<string, ITensorFile> files = new(StringComparer.Ordinal);
        ShardedWeights weights = new(index, files);
        try
        {
            foreach (string file in index.FindFiles())
                files.Add(Path.GetFileName(file), SafetensorsFile.Open(file));

            foreach ((string name, string file) in index.Map)
            {
                if (!files[file].Tensors.ContainsKey(name))
                    throw new ModelInvalidException($"'{files[file].Path}' does not contain the tensor '{name}', although '{index.Path}' says so. The files belong to different models.");
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public string SourceOf(string name) => _index.Map.TryGetValue(name, out string? file) ? _files[file].Path : Source;

    public IReadOnlyList<long>? FindShape(string name)
    {
        // A scale may be in another file than its weight, and the index need not name it.
        WeightScales.Refuse(name, Source, scale => _files.Values.Any(other => other.Tensors.ContainsKey(scale)));
        return _index.Map.TryGetValue(name, out string? file) ? _files[file].FindFloatShape(name) : null;
    }

    public void Read(string name, Span<float> destination, long start = 0)
    {
        if (!_index.Map.TryGetValue(name, out string? file))
            throw new ModelInvalidException($"'{Source}' has no tensor '{name}'.");
        _files[file].Read(name, destination, start);
    }

    public void Dispose()
    {
        foreach (ITensorFile file in _files.Values)
            file.Dispose();
    }
}
