using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>The weights of one network in its folder of diffusers' layout: one file, several with a list, or a pickle.</summary>
internal static class FolderWeights
{
    /// <summary>What the names of a text encoder's files begin with.</summary>
    public const string TextEncoderStem = "model";

    /// <summary>What the names of other networks' files begin with.</summary>
    public const string OtherStem = "diffusion_pytorch_model";

    /// <summary>Finds them.</summary>
    /// <param name="folder">The network's folder.</param>
    /// <param name="stem">What their names begin with.</param>
    /// <returns>The full path of the file, or of the list of files.</returns>
    /// <exception cref="ModelNotFoundException">There are none.</exception>
    public static string Find(string folder, string stem)
    {
        IReadOnlyList<string> lists = ShardIndex.NamesFor(stem);
        string[] names =
        [
            $"{stem}.safetensors", lists[0],
            $"{stem}.fp16.safetensors", .. lists.Skip(1),
            stem == TextEncoderStem ? "pytorch_model.bin" : $"{stem}.bin",
        ];
        foreach (string name in names)
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                return path;
        }

        throw new ModelNotFoundException($"There is no '{names[0]}' in '{folder}', which a model must have.");
    }

    /// <summary>All files that the weights lie in, in a fixed order, with the list where there is one.</summary>
    /// <param name="path">What <see cref="Find"/> gave.</param>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!IsIndex(path))
            return [path];

        ShardIndex index = ShardIndex.Read(path);
        return [path, .. index.Files.Order(StringComparer.Ordinal).Select(index.FullPath)];
    }

    /// <summary>Opens them.</summary>
    /// <param name="path">What <see cref="Find"/> gave.</param>
    /// <returns>The weights, and what is to be closed after the last reading.</returns>
    public static (IWeights Weights, IDisposable Opened) Open(string path)
    {
        if (IsIndex(path))
        {
            ShardedWeights shards = ShardedWeights.Open(path);
            return (shards, shards);
        }

        ITensorFile file = TensorFile.Open(path);
        return (new FileWeights(file), file);
    }

    private static bool IsIndex(string path) => path.EndsWith(".json", StringComparison.Ordinal);
}
