using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>
/// A family of models: how its models are detected and read, what they are conditioned on, and their defaults.
/// A new family is a class and a row in <see cref="All"/>.
/// </summary>
internal abstract class ModelFamily
{
    /// <summary>All families. A single file belongs to the first family whose markers it has.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
        [new StableDiffusionXL(), new StableDiffusionXLRefiner(), new StableDiffusion2(), new StableDiffusion1()];

    /// <summary>The names of all families' backbones.</summary>
    public static IReadOnlyList<string> AllBackbones { get; } = [.. All.Select(static family => family.Backbone).Distinct()];

    /// <summary>The suffixes of the names of all families' text encoders.</summary>
    public static IReadOnlyList<string> AllEncoderSuffixes { get; } = [.. All.SelectMany(static family => family.EncoderSuffixes).Distinct()];

    /// <summary>The name that users see, such as <c>StableDiffusionXL</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The name in the text of messages, such as "Stable Diffusion XL".</summary>
    public abstract string Title { get; }

    /// <summary>The pipelines of diffusers (<c>_class_name</c> in <c>model_index.json</c>) whose folders can be built.</summary>
    public abstract IReadOnlyList<string> PipelineClasses { get; }

    /// <summary>The name of the backbone's folder in diffusers' layout.</summary>
    public abstract string Backbone { get; }

    /// <summary>The ends of the names of the text encoders' folders, and of their tokenizers'.</summary>
    public abstract IReadOnlyList<string> EncoderSuffixes { get; }

    /// <summary>The number of channels of a latent.</summary>
    public abstract int LatentChannels { get; }

    /// <summary>The width of the text embedding that the backbone takes, which identifies adapters of the family.</summary>
    public abstract int TextWidth { get; }

    /// <summary>Finds the family of a model from its configs.</summary>
    /// <param name="index">The model's index.</param>
    /// <param name="findConfig">Finds the <c>config.json</c> of a part by the name of its folder; null if there is none.</param>
    /// <returns>The family.</returns>
    /// <exception cref="ModelInvalidException">A config is damaged.</exception>
    public static ModelFamily Of(PipelineConfig index, Func<string, ConfigFile?> findConfig) => All.First(family => family.IsDescribedBy(index, findConfig));

    /// <summary>Finds the family of the model in a single file.</summary>
    /// <returns>The family; null if the file has the markers of none.</returns>
    /// <exception cref="ModelInvalidException">The file holds only a part of a model.</exception>
    public static ModelFamily? Of(ITensorFile file) => All.FirstOrDefault(family => family.IsIn(file));

    /// <summary>Whether a single file has the markers of the family.</summary>
    /// <exception cref="ModelInvalidException">Parts of the model are missing.</exception>
    public abstract bool IsIn(ITensorFile file);

    /// <summary>Whether a model's configs are those of the family.</summary>
    /// <inheritdoc cref="Of(PipelineConfig, Func{string, ConfigFile?})"/>
    public abstract bool IsDescribedBy(PipelineConfig index, Func<string, ConfigFile?> findConfig);

    /// <summary>Reads the model in a single file that <see cref="IsIn"/> found there.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <param name="preferEma">Whether averaged (EMA) weights are used if the file has both.</param>
    /// <param name="predictionType">What the backbone predicts; null infers it.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ModelInvalidException">The file does not contain a complete model of the family.</exception>
    /// <exception cref="InvalidSettingException">There is no such prediction type.</exception>
    public abstract Checkpoint Read(ITensorFile file, bool preferEma, string? predictionType);

    /// <summary>Finds what is missing in a file with the markers of the family.</summary>
    /// <returns>The error; null if the model is complete.</returns>
    /// <exception cref="ModelInvalidException">A part is damaged.</exception>
    public abstract ModelInvalidException? FindMissing(ITensorFile file);

    /// <summary>Describes an autoencoder that models of the family use.</summary>
    /// <param name="weights">Its weights under diffusers' names.</param>
    /// <returns>The autoencoder.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing or their shapes do not fit.</exception>
    public abstract CheckpointPart DescribeVae(MappedWeights weights);

    /// <summary>Makes the graphs of a model, and checks that its networks fit together.</summary>
    /// <param name="networks">The networks.</param>
    /// <param name="index">The model's index.</param>
    /// <param name="path">The path of the model in messages.</param>
    /// <returns>The graphs.</returns>
    /// <exception cref="ModelNotFoundException">The model lacks its backbone.</exception>
    /// <exception cref="ModelInvalidException">The weights contradict a config, a config asks for something that cannot be built, or the networks do not fit together.</exception>
    public abstract IReadOnlyList<NetworkGraph> MakeGraphs(IReadOnlyList<ModelNetwork> networks, PipelineConfig index, string path);

    /// <summary>Opens the text encoders of a model.</summary>
    /// <param name="folder">The folder of the model's graphs.</param>
    /// <param name="openGraph">Opens the graph of a part by the name of its folder.</param>
    /// <param name="model">The model's name in messages.</param>
    /// <returns>The encoders as one; the caller closes it.</returns>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged.</exception>
    public abstract TextEncoder OpenTextEncoder(string folder, Func<string, OnnxSession> openGraph, string model);

    /// <summary>The guidance scale that diffusers' pipeline uses by default.</summary>
    /// <param name="index">The model's index.</param>
    public abstract double DefaultGuidanceScale(PipelineConfig index);

    /// <summary>The number of steps by default.</summary>
    /// <param name="index">The model's index.</param>
    public virtual int DefaultSteps(PipelineConfig index) => 20;

    /// <summary>Whether zeros replace a missing negative prompt, instead of the encoded empty prompt.</summary>
    /// <param name="index">The model's index.</param>
    /// <param name="negativePrompt">The negative prompt; null if none was given.</param>
    /// <param name="isA1111">Whether prompts are read as AUTOMATIC1111's web UI reads them.</param>
    public abstract bool ZerosNegativePrompt(PipelineConfig index, string? negativePrompt, bool isA1111);

    /// <summary>Whether the backbone is conditioned on a setting.</summary>
    /// <param name="setting">The name of a property of <see cref="MicroConditioning"/>.</param>
    public virtual bool Takes(string setting) => false;

    /// <summary>The values that the backbone is conditioned on besides timestep and text, in the order of diffusers' pipelines.</summary>
    /// <param name="given">The settings.</param>
    /// <param name="width">The image's width in pixels.</param>
    /// <param name="height">The image's height in pixels.</param>
    /// <param name="isNegative">Whether they are for the negative prompt.</param>
    /// <returns>The values; empty for families without this conditioning.</returns>
    public virtual float[] TimeIds(MicroConditioning given, int width, int height, bool isNegative) => [];
}
