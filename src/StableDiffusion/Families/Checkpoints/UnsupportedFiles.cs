using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>
/// Detects, from the names of their tensors, files that are often mistaken for models, and models of
/// unsupported families, so that an error can say what they are.
/// </summary>
internal static class UnsupportedFiles
{
    private const string Adapter = "It changes a model, but is not a model itself: import the model that it was made for, and specify this file when you make images.";
    private const string NotBuilt = "Only Stable Diffusion 1.x, 2.x and XL can be imported from a single file.";
    private const string NotRead = "Get the model with weights of 8, 16 or 32 bits.";
    private const string Upscaler = "an upscaler";
    private const string UpscalerAdvice = "Put it into the folder of upscalers, and choose it with the setting Upscaler when you resize images.";
    private const string Incomplete = "A single-file model holds the U-Net together with its text encoders.";

    // Parts of names that determine what a file is, regardless of its other tensors; the first match is used.
    private static readonly (string[] Marks, string Kind, string Advice)[] s_decisive =
    [
        ([".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", "_lora.down.", "_lora.up.", ".lora.down.", ".lora.up.", ".lora_linear_layer."], "a LoRA", Adapter),
        ([".hada_w1_a", ".lokr_w1", ".dora_scale", ".oft_blocks", ".oft_diag", ".lora_mid."], "an adapter of the LoRA kind", Adapter),
        (["control_model.", "controlnet_cond_embedding.", "input_hint_block.", "zero_convs.", "lllite_"], "a ControlNet", Adapter),
        (["ip_adapter.", "image_proj."], "an IP-Adapter", "It is not supported."),
        (["adapter.body."], "a T2I-Adapter", "It is not supported."),
        (["motion_modules."], "an AnimateDiff motion module", "Video is not supported."),
        ([".time_stack.", ".time_mixer."], "a Stable Video Diffusion model", "Video is not supported."),
        (["joint_blocks."], "a Stable Diffusion 3 model", NotBuilt),
        (["double_blocks."], "a Flux model", NotBuilt),
        (["double_layers."], "an AuraFlow model", NotBuilt),
        ([".channelwise.", "clip_txt_mapper."], "a Stable Cascade model", NotBuilt),
        (["x_embedder.", "patchify_proj.", "cap_embedder.", ".scale_shift_table", ".adaLN_modulation.", ".attn.qkv_x.", ".cross_attn.kv_linear."], "a diffusion transformer", NotBuilt),
        (["edm_mean"], "a Playground 2.5 model", "It was trained on another noise schedule than Stable Diffusion XL. " + NotBuilt),
        (["edm_vpred."], "a CosXL model", "It was trained on another noise schedule than Stable Diffusion XL. " + NotBuilt),
        (["depth_model."], "the depth-to-image model of Stable Diffusion 2", "It is not supported."),
        (["noise_augmentor.", "embedder.model.visual."], "a Stable unCLIP model", "It is not supported."),
        (["low_scale_model."], "the upscaler of Stable Diffusion 2", "It is not supported."),
        (["cc_projection."], "a Zero123 model", "It is not supported."),
        (["cond_stage_model.roberta."], "an AltDiffusion model", "Its text encoder is not supported."),
        (["cond_stage_model.transformer.token_emb."], "a latent diffusion model from before Stable Diffusion", NotBuilt),
        ([".absmax", ".quant_state."], "a model whose weights are packed into 4 bits", NotRead),
        (WeightScales.Marks, "a model whose 8-bit weights have scales of their own", NotRead),
    ];

    // What a file without a complete model may contain; the first match is used.
    private static readonly (string[] Marks, string Kind, string Advice)[] s_parts =
    [
        (["model.diffusion_model.", "model_ema.", "input_blocks.0.0."], "a U-Net without text encoders", Incomplete),
        (["down_blocks.0.resnets.0.time_emb_proj."], "a U-Net without text encoders, with the names that diffusers gives", Incomplete + " Import the folder of the diffusers model that it belongs to."),
        (["first_stage_model.", "encoder.conv_in.", "decoder.conv_in.", "decoder.mid.", "encoder.mid."], "an autoencoder (VAE) alone", "Specify it together with the model that should use it."),
        (["3.conv.0.weight"], "a tiny autoencoder (TAESD)", "Put it into the folder of VAEs, and choose it with the setting Vae when you make images."),
        (["text_model.embeddings.", "transformer.resblocks.", "encoder.block.0."], "a text encoder alone", Incomplete),
        (["string_to_param", "emb_params", "clip_l", "clip_g"], "a textual inversion embedding", Adapter),
        ([".RDB1.", ".rdb1.", "model.1.sub."], Upscaler, UpscalerAdvice),
        (["conv_first."], "an upscaler of another kind than ESRGAN", "It can be used as an ONNX file, in the folder of upscalers."),
    ];

    /// <summary>An error for a file whose tensors show that it is another kind of file.</summary>
    /// <returns>The error, which names the kind; null if the file may be a model.</returns>
    public static ModelInvalidException? Recognise(ITensorFile file) => Find(file, s_decisive);

    /// <summary>An error for a file without a complete model.</summary>
    /// <returns>The error, which says what the file contains, if that is known.</returns>
    public static ModelInvalidException NoModel(ITensorFile file)
    {
        if (UpscalerFile.Recognise(file))
            return Describe(file, Upscaler, UpscalerAdvice);
        if (Find(file, s_parts) is { } part)
            return part;

        // The simplest form of an embedding is a single table, with any name.
        bool embedding = file.Tensors.Count is 1 or 2 && file.Tensors.Values.All(static tensor => tensor.Shape.Count <= 2);
        return embedding
            ? Describe(file, "a textual inversion embedding", Adapter)
            : new ModelInvalidException($"'{file.Path}' does not contain a known model. {TensorGroups.Describe(file.Tensors.Keys)} {NotBuilt}");
    }

    private static ModelInvalidException? Find(ITensorFile file, (string[] Marks, string Kind, string Advice)[] kinds)
    {
        int found = kinds.Length;
        foreach (string key in file.Tensors.Keys)
        {
            for (int i = 0; i < found; i++)
            {
                if (Array.Exists(kinds[i].Marks, mark => key.Contains(mark, StringComparison.Ordinal)))
                    found = i;
            }
        }

        return found < kinds.Length ? Describe(file, kinds[found].Kind, kinds[found].Advice) : null;
    }

    private static ModelInvalidException Describe(ITensorFile file, string kind, string advice) =>
        new($"'{file.Path}' is {kind}, not a complete model. {advice}");
}
