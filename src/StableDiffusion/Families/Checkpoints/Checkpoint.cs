using System.Text.Json.Nodes;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>
/// A complete model in a single file, in the form of a diffusers folder. Nothing is copied: the weights are read from the
/// file when they are asked for.
/// </summary>
internal sealed class Checkpoint
{
    /// <summary>The family of the model.</summary>
    public required ModelFamily Family { get; init; }

    /// <summary>The variant of the model by its extra inputs.</summary>
    public required ModelVariant Variant { get; init; }

    /// <summary>What the model predicts, and how that is known.</summary>
    public required PredictionFinding PredictionType { get; init; }

    /// <summary>The networks: text encoders and backbone, and the autoencoder if the file holds one.</summary>
    public required IReadOnlyList<CheckpointPart> Networks { get; init; }

    /// <summary>The model's <c>scheduler/scheduler_config.json</c>.</summary>
    public required JsonObject SchedulerConfig { get; init; }

    /// <summary>The model's <c>model_index.json</c>.</summary>
    public required JsonObject ModelIndex { get; init; }

    /// <summary>The tokenizers' folders and files: their paths in the model's folder, and their bytes.</summary>
    public required IReadOnlyList<(string Path, byte[] Bytes)> TokenizerFiles { get; init; }

    /// <summary>Findings about the file.</summary>
    public required IReadOnlyList<CheckpointFinding> Findings { get; init; }

    /// <summary>Detects the model in a file from the file's contents.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <param name="preferEma">Whether averaged (EMA) weights of the backbone are used if the file has both.</param>
    /// <param name="predictionType">What the backbone predicts, <c>epsilon</c> or <c>v_prediction</c>; null infers it from the file.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ModelInvalidException">The file does not contain a complete model of a supported family; the message says what it is.</exception>
    /// <exception cref="InvalidSettingException">There is no such prediction type.</exception>
    public static Checkpoint Open(ITensorFile file, bool preferEma = false, string? predictionType = null)
    {
        if (UnsupportedFiles.Recognise(file) is { } unsupported)
            throw unsupported;
        ModelFamily family = ModelFamily.Of(file) ?? throw UnsupportedFiles.NoModel(file);
        return family.Read(file, preferEma, predictionType);
    }

    /// <summary>Determines why an intact file is not a model by itself: it is an adapter, a part, or an unsupported model.</summary>
    /// <returns>The error of its import; null for a complete model.</returns>
    /// <exception cref="ModelInvalidException">It is a model that is damaged or incomplete.</exception>
    public static ModelInvalidException? FindOther(ITensorFile file)
    {
        if (UnsupportedFiles.Recognise(file) is { } unsupported)
            return unsupported;
        return ModelFamily.Of(file) is { } family ? family.FindMissing(file) : UnsupportedFiles.NoModel(file);
    }

    /// <summary>The error for a model that lacks its autoencoder.</summary>
    public static ModelInvalidException NoVae(ITensorFile file) =>
        new($"'{file.Path}' does not contain an autoencoder (VAE). Get the model with a VAE, or specify the file of a VAE with Vae.");

    /// <summary>Reads the autoencoder alone: from a file of its own in any layout, or from a whole model.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <param name="family">The family of the model that uses it, which determines how its latents are scaled.</param>
    /// <returns>The autoencoder.</returns>
    /// <exception cref="ModelInvalidException">The file does not contain one.</exception>
    public static CheckpointPart OpenVae(ITensorFile file, ModelFamily family)
    {
        if (TinyVaeFile.Recognise(file))
            throw TinyVaeFile.Refuse(file.Path);
        MappedWeights weights = new CheckpointReader(file).ReadVae(alone: true)
            ?? throw new ModelInvalidException($"'{file.Path}' does not contain an autoencoder (VAE). {TensorGroups.Describe(file.Tensors.Keys)}");
        return family.DescribeVae(weights);
    }

    /// <summary>Finds a network.</summary>
    /// <param name="name">The name of its folder in diffusers' layout.</param>
    /// <returns>The network; null if the file does not hold it.</returns>
    public CheckpointPart? Find(string name) => Networks.FirstOrDefault(network => network.Name == name);
}
