using System.Text.Json.Nodes;
using StableDiffusion.Networks;
using StableDiffusion.Sampling;

namespace StableDiffusion.Families.Configs;

/// <summary>The configs of a model with a U-Net in a diffusers folder that are the same for all families.</summary>
internal static class DiffusersConfigs
{
    /// <summary>A model's <c>model_index.json</c>.</summary>
    /// <param name="pipelineClass">The class of its pipeline in diffusers.</param>
    /// <param name="schedulerClass">The class of its scheduler.</param>
    /// <param name="hasTextEncoder">Whether it has a first text encoder.</param>
    public static JsonObject Index(string pipelineClass, string schedulerClass, bool hasTextEncoder) => new()
    {
        ["_class_name"] = pipelineClass,
        ["feature_extractor"] = Part(),
        ["image_encoder"] = Part(),
        ["scheduler"] = Part("diffusers", schedulerClass),
        [ModelParts.TextEncoder] = hasTextEncoder ? Part("transformers", "CLIPTextModel") : Part(),
        [ModelParts.Tokenizer] = hasTextEncoder ? Part("transformers", "CLIPTokenizer") : Part(),
        [ModelParts.UNet] = Part("diffusers", "UNet2DConditionModel"),
        [ModelParts.Vae] = Part("diffusers", "AutoencoderKL"),
    };

    /// <summary>A row of an index: the library and the class of a part.</summary>
    /// <param name="library">The library; null for a part that the model does not have.</param>
    /// <param name="name">The class.</param>
    public static JsonArray Part(string? library = null, string? name = null) => new(library, name);

    /// <summary>A model's <c>scheduler_config.json</c>, with the noise schedule that Stable Diffusion was trained on.</summary>
    /// <param name="schedulerClass">The class of its scheduler in diffusers.</param>
    /// <param name="prediction">What the model predicts.</param>
    /// <param name="isZeroSnr">Whether the last timestep of the training was pure noise.</param>
    public static JsonObject Scheduler(string schedulerClass, PredictionType prediction, bool isZeroSnr) => new()
    {
        ["_class_name"] = schedulerClass,
        ["beta_end"] = 0.012,
        ["beta_schedule"] = "scaled_linear",
        ["beta_start"] = 0.00085,
        ["num_train_timesteps"] = 1000,
        [PredictionTypes.OptionName] = PredictionTypes.NameOf(prediction),
        ["rescale_betas_zero_snr"] = isZeroSnr,
        ["steps_offset"] = 1,
        ["timestep_spacing"] = "leading",
        ["trained_betas"] = null,
    };
}
