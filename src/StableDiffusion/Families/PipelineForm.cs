using System.Text.Json.Nodes;
using StableDiffusion.Networks;

namespace StableDiffusion.Families;

/// <summary>What a diffusers folder says of a whole model: its parts, and its scheduler.</summary>
internal static class PipelineForm
{
    /// <summary>Writes a model's <c>model_index.json</c>.</summary>
    /// <param name="family">The family.</param>
    /// <param name="variant">What the model takes beside the noise.</param>
    /// <returns>The index.</returns>
    public static JsonObject DescribeIndex(ModelFamily family, ModelVariant variant)
    {
        bool large = family is ModelFamily.StableDiffusionXL or ModelFamily.StableDiffusionXLRefiner;
        bool refiner = family == ModelFamily.StableDiffusionXLRefiner;
        string kind = variant switch
        {
            ModelVariant.Inpainting => "Inpaint",
            ModelVariant.InstructPix2Pix => "InstructPix2Pix",
            _ => refiner ? "Img2Img" : string.Empty,
        };
        JsonObject index = new()
        {
            ["_class_name"] = $"StableDiffusion{(large ? "XL" : string.Empty)}{kind}Pipeline",
            ["feature_extractor"] = Part(),
            ["image_encoder"] = Part(),
            ["scheduler"] = Part("diffusers", SchedulerClass(family)),
            ["text_encoder"] = refiner ? Part() : Part("transformers", "CLIPTextModel"),
            ["tokenizer"] = refiner ? Part() : Part("transformers", "CLIPTokenizer"),
            ["unet"] = Part("diffusers", "UNet2DConditionModel"),
            ["vae"] = Part("diffusers", "AutoencoderKL"),
        };
        if (large)
        {
            index["force_zeros_for_empty_prompt"] = !refiner;
            index[ModelParts.TextEncoder2] = Part("transformers", "CLIPTextModelWithProjection");
            index[ModelParts.Tokenizer2] = Part("transformers", "CLIPTokenizer");
        }
        else
        {
            index["requires_safety_checker"] = false;
            index["safety_checker"] = Part();
        }

        if (refiner)
            index["requires_aesthetics_score"] = true;
        return index;
    }

    /// <summary>
    /// Writes a model's <c>scheduler_config.json</c>. A single file says nothing of schedulers; diffusers gives Stable
    /// Diffusion 1 and 2 from such files DDIM and XL Euler, all with the noise schedule that the models were trained on.
    /// </summary>
    /// <param name="family">The family.</param>
    /// <param name="predictionType">What the U-Net predicts.</param>
    /// <param name="zeroSnr">Whether the last timestep of the training was noise alone.</param>
    /// <returns>The config.</returns>
    public static JsonObject DescribeScheduler(ModelFamily family, string predictionType, bool zeroSnr)
    {
        JsonObject config = new()
        {
            ["_class_name"] = SchedulerClass(family),
            ["beta_end"] = 0.012,
            ["beta_schedule"] = "scaled_linear",
            ["beta_start"] = 0.00085,
            ["num_train_timesteps"] = 1000,
            ["prediction_type"] = predictionType,
            ["rescale_betas_zero_snr"] = zeroSnr,
            ["steps_offset"] = 1,
            ["timestep_spacing"] = "leading",
            ["trained_betas"] = null,
        };
        if (family is ModelFamily.StableDiffusion1 or ModelFamily.StableDiffusion2)
        {
            config["clip_sample"] = false;
            config["set_alpha_to_one"] = false;
            config["thresholding"] = false;
        }
        else
        {
            config["interpolation_type"] = "linear";
            config["use_karras_sigmas"] = false;
        }

        return config;
    }

    private static string SchedulerClass(ModelFamily family) =>
        family is ModelFamily.StableDiffusion1 or ModelFamily.StableDiffusion2 ? "DDIMScheduler" : "EulerDiscreteScheduler";

    private static JsonArray Part(string? library = null, string? name = null) => new(library, name);
}
