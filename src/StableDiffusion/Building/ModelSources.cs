using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Building;

/// <summary>Detects the form of a model.</summary>
internal static class ModelSources
{
    /// <summary>Detects the form of the model in a file or folder.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="options">The import options.</param>
    /// <returns>The source.</returns>
    /// <exception cref="ModelNotFoundException">The path does not exist, or a part of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">Its kind is not supported, it cannot be read, or a file is a link that leads out of its folder.</exception>
    public static IModelSource Find(string path, ImportOptions options)
    {
        try
        {
            return Detect(path, options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The model in '{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    private static IModelSource Detect(string path, ImportOptions options)
    {
        if (File.Exists(path))
            return new CheckpointSource(path, options);
        if (!Directory.Exists(path))
            throw new ModelNotFoundException($"There is no file or folder '{path}'.");
        if (File.Exists(Path.Combine(path, PipelineConfig.FileName)))
            return OnnxFolder.FindBackbone(path) is not null ? new OnnxFolder(path, options) : DiffusersFolder.Find(path, options);

        // A cloned repository with a single file.
        string[] files = [.. Directory.EnumerateFiles(path).Where(TensorFile.HasKnownEnding).Order(StringComparer.Ordinal)];
        if (files.Length != 1)
            throw new ModelNotFoundException($"The folder '{path}' is not a model: it has no {PipelineConfig.FileName}, and {(files.Length == 0 ? "no file" : "several files")} with weights. Specify the folder that contains unet, vae, text_encoder, tokenizer and scheduler, or one file.");
        FolderLinks.Check(path, files[0]);
        return new CheckpointSource(files[0], options);
    }
}
