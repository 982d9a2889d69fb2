using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Sampling;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>Reads the information about a model from its folder or single file, without opening it.</summary>
internal static class ModelReader
{
    /// <summary>The number of digits of a model's hash in an image's metadata, as in A1111.</summary>
    public const int ShortHashLength = 10;

    // The default for models without a value: that of Stable Diffusion 1.5.
    private const int DefaultSampleSize = 64;

    /// <summary>Reads the information about a model from its configs.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">The full path of its folder or single file.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The information.</returns>
    /// <exception cref="ModelNotFoundException">A config is missing.</exception>
    /// <exception cref="ModelInvalidException">A config is damaged, or the file is not a model.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public static ModelInfo Read(string name, string path, CancellationToken cancellationToken = default)
    {
        try
        {
            return ReadConfigs(name, path, cancellationToken);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The model in '{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    private static ModelInfo ReadConfigs(string name, string path, CancellationToken cancellationToken)
    {
        bool isFile = File.Exists(path);

        // Only folders of graphs may lack these configs; older exporters did not write them.
        ModelConfigs configs = ModelConfigs.Open(path);
        ModelFamily family = configs.Family;
        bool isOptional = File.Exists(Path.Combine(path, family.Backbone, ModelParts.Graph));
        VaeConfig vae = FindConfig(ModelParts.Vae, ModelParts.VaeDecoder) is { } vaeConfig ? VaeConfig.From(vaeConfig) : VaeConfig.StableDiffusion;
        ConfigFile? backbone = FindConfig(family.Backbone);
        if (backbone is not null)
            vae.CheckLatents(backbone.Count("out_channels", VaeConfig.StableDiffusion.LatentChannels), path, path);
        int side = (backbone?.Count("sample_size", DefaultSampleSize, LatentSpace.HighestSide / vae.Factor) ?? DefaultSampleSize) * vae.Factor;
        ModelVariant? variant = backbone is null ? null : ModelVariants.Find(backbone.Count("in_channels", vae.LatentChannels), vae.LatentChannels);
        if (variant is not (null or ModelVariant.InstructPix2Pix) && configs.Pipeline.ClassName.Contains(nameof(ModelVariant.InstructPix2Pix), StringComparison.Ordinal))
            throw new ModelInvalidException($"The model in '{path}' edits images by its {PipelineConfig.FileName} ({configs.Pipeline.ClassName}), but its U-Net has no input for an image: 'in_channels' must be {2 * vae.LatentChannels}. Its files belong to different models; get it again.");
        SchedulerConfig scheduler = configs.Scheduler;
        ConfigFile? defaults = configs.Find("generation_config.json");
        int steps = family.DefaultSteps(configs.Pipeline);
        return new ModelInfo
        {
            Name = name,
            Path = path,
            Family = family.Name,
            Hash = ModelManifest.Read(path) is { Source: { Kind: ModelSource.Import, Revision: { Length: > ShortHashLength } hash } } ? hash[..ShortHashLength] : null,
            Width = side,
            Height = side,
            Steps = defaults?.Count("num_inference_steps", steps, SchedulerCatalog.MaxSteps) ?? steps,
            GuidanceScale = defaults?.OptionalNumber("guidance_scale") ?? family.DefaultGuidanceScale(configs.Pipeline),
            Scheduler = SchedulerCatalog.Default(scheduler).Name,
            PredictionType = scheduler.TryGetValue(PredictionTypes.OptionName, out object? type) && type is string text ? text : PredictionTypes.NameOf(PredictionType.Epsilon),
            LatentChannels = vae.LatentChannels,
            LatentFactor = vae.Factor,
            ScalingFactor = vae.ScalingFactor,
            Variant = variant,
            Length = isFile ? FileHashes.Length(path) : FolderFiles.Length(path, cancellationToken),
        };

        ConfigFile? FindConfig(params string[] parts)
        {
            ConfigFile? config = parts.Select(part => configs.Find(part, ModelParts.Config)).FirstOrDefault(static found => found is not null);
            return config is null && !isOptional
                ? throw new ModelNotFoundException($"The model in '{path}' lacks the {ModelParts.Config} in {string.Join(" or ", parts)}. Download the model again, or use another one.")
                : config;
        }
    }
}
