using StableDiffusion.Networks.Configs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Building;

/// <summary>Recognises the form of a model.</summary>
internal static class ModelSources
{
    /// <summary>Finds what can be built of a file or folder.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="options">How it is to be read.</param>
    /// <returns>The source.</returns>
    /// <exception cref="ModelNotFoundException">There is nothing, or a part of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">It is of a kind that cannot be built.</exception>
    public static IModelSource Find(string path, ImportOptions options)
    {
        if (File.Exists(path))
            return new CheckpointSource(path, options);
        if (!Directory.Exists(path))
            throw new ModelNotFoundException($"There is no file or folder '{path}'.");
        if (File.Exists(Path.Combine(path, PipelineConfig.FileName)))
            return OnnxFolder.FindBackbone(path) is not null ? new OnnxFolder(path, options) : DiffusersFolder.Find(path, options);

        // A repository of a single file, as it is cloned.
        string[] files = [.. Directory.EnumerateFiles(path).Where(TensorFile.HasKnownEnding).Order(StringComparer.Ordinal)];
        return files.Length == 1
            ? new CheckpointSource(files[0], options)
            : throw new ModelNotFoundException($"The folder '{path}' is no model: it has no {PipelineConfig.FileName}, and {(files.Length == 0 ? "no file" : "several files")} with weights. Name the folder that holds unet, vae, text_encoder, tokenizer and scheduler, or one file.");
    }
}
