using System.Text.Json.Nodes;
using StableDiffusion.Families.Configs;
using StableDiffusion.Families.Keys;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>
/// A tiny autoencoder (TAESD) in files without a config: one file with diffusers' names, or the files of the original
/// repository, one for each half.
/// </summary>
internal static class TinyVaeFile
{
    /// <summary>Whether a file holds a tiny autoencoder, or one half of it.</summary>
    /// <param name="file">The file.</param>
    public static bool Recognise(ITensorFile file) => TinyVaeKeys.Recognise(file.Tensors);

    /// <summary>The error for a tiny autoencoder in a place where it cannot be used.</summary>
    /// <param name="path">The path of its file or folder.</param>
    public static ModelInvalidException Refuse(string path) =>
        new($"'{path}' is a tiny autoencoder (TAESD), which cannot become a part of a model. Put it into the folder of VAEs, and choose it with the setting Vae when you make images.");

    /// <summary>Reads a tiny autoencoder.</summary>
    /// <param name="files">One file, or those of the two halves; they stay open as long as the weights are read.</param>
    /// <returns>The weights under diffusers' names, and the <c>config.json</c> as diffusers would give it.</returns>
    /// <exception cref="ModelInvalidException">A file does not contain a tiny autoencoder, or both contain the same half.</exception>
    public static (IWeights Weights, JsonObject Config) Read(IReadOnlyList<ITensorFile> files)
    {
        MappedWeights[] parts = [.. files.Select(Map)];
        if (files.Count > 1 && files.Select(static file => TinyVaeKeys.HalfOf(file.Tensors)).Distinct().Count() < files.Count)
            throw new ModelInvalidException($"'{files[0].Path}' and '{files[1].Path}' are not an encoder and a decoder: both contain the same. Get the files again.");
        return (parts.Length == 1 ? parts[0] : new JoinedWeights(parts), TinyVaeConfigInference.Infer(parts));
    }

    private static MappedWeights Map(ITensorFile file)
    {
        if (!Recognise(file))
            throw new ModelInvalidException($"'{file.Path}' does not contain a tiny autoencoder (TAESD). {TensorGroups.Describe(file.Tensors.Keys)}");

        string? half = TinyVaeKeys.HalfOf(file.Tensors);
        WeightMap map = new(file, []);
        foreach (string key in file.Tensors.Keys)
            map.Add(half is null ? key : TinyVaeKeys.ToDiffusers(key, half), key);
        return map.ToWeights();
    }
}
