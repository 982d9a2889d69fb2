using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>The weights of a network in a diffusers folder: one file, several files with an index, or a pickle.</summary>
internal static class FolderWeights
{
    /// <summary>The prefix of the names of a text encoder's files.</summary>
    public const string TextEncoderStem = "model";

    /// <summary>The prefix of the names of other networks' files.</summary>
    public const string OtherStem = "diffusion_pytorch_model";

    /// <summary>Finds the weights.</summary>
    /// <param name="root">The folder of the whole, which no link may lead out of.</param>
    /// <param name="part">The path of the network's folder in it; empty if it is the same.</param>
    /// <param name="stem">The prefix of their names.</param>
    /// <returns>The full path of the file, or of the index.</returns>
    /// <remarks>
    /// Where there are both, those who load such a folder choose: transformers takes the file for a text encoder, and diffusers the
    /// index for other networks.
    /// </remarks>
    /// <exception cref="ModelNotFoundException">There are no weights.</exception>
    /// <exception cref="ModelInvalidException">They are a link that leads out of the folder.</exception>
    public static string Find(string root, string part, string stem)
    {
        string folder = Path.Combine(root, part);
        IReadOnlyList<string> lists = ShardIndex.NamesFor(stem);
        string[] names =
        [
            .. (ReadOnlySpan<string>)(stem == TextEncoderStem ? [$"{stem}.safetensors", lists[0]] : [lists[0], $"{stem}.safetensors"]),
            $"{stem}.fp16.safetensors", .. lists.Skip(1),
            stem == TextEncoderStem ? "pytorch_model.bin" : $"{stem}.bin",
        ];
        foreach (string name in names)
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
                continue;
            FolderLinks.Check(root, path);
            return path;
        }

        throw new ModelNotFoundException($"There are no weights in '{folder}', such as '{stem}.safetensors'.");
    }

    /// <summary>The config of the folder that a file of weights is in, if its name is one that diffusers gives to weights.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <returns>The full path of the config; null if there is none.</returns>
    /// <exception cref="ModelInvalidException">It is a link that leads out of the folder.</exception>
    public static string? ConfigBeside(string path)
    {
        string folder = Path.GetDirectoryName(path)!, config = Path.Combine(folder, ModelParts.Config);
        if (!Path.GetFileName(path).StartsWith($"{OtherStem}.", StringComparison.Ordinal) || !File.Exists(config))
            return null;
        FolderLinks.Check(folder, config);
        return config;
    }

    /// <summary>All files with the weights, in a fixed order, including the index if there is one.</summary>
    /// <param name="path">The result of <see cref="Find"/>.</param>
    /// <exception cref="ModelNotFoundException">A file that the index names is missing.</exception>
    /// <exception cref="ModelInvalidException">The index is damaged, or a file is a link that leads out of its folder.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!IsIndex(path))
            return [path];

        return [path, .. ShardIndex.Read(path).FindFiles()];
    }

    /// <summary>Opens the weights.</summary>
    /// <param name="path">The result of <see cref="Find"/>.</param>
    /// <returns>The weights, and the resource to dispose after use.</returns>
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
