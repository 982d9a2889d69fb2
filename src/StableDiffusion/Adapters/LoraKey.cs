using StableDiffusion.Networks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>The parsed name of a tensor in a LoRA.</summary>
/// <param name="Part">The part of the model, by the name of its folder; null if the name does not say.</param>
/// <param name="Path">The layer within the part, with underscores in place of dots, by the names that the file uses.</param>
/// <param name="Module">The layer as the file names it, including the part.</param>
/// <param name="Role">The role of the tensor.</param>
/// <remarks>
/// Kohya's scripts use underscores and short prefixes, PEFT and diffusers the dotted paths of their modules. The suffixes are
/// those of ComfyUI (comfy/weight_adapter) and LyCORIS.
/// </remarks>
internal sealed record LoraKey(string? Part, string Path, string Module, LoraRole Role)
{
    // Longer suffixes precede those that they end with.
    private static readonly (string Ending, LoraRole Role)[] s_roles =
    [
        (".lora_down.weight", LoraRole.Down), (".lora_up.weight", LoraRole.Up), (".lora_mid.weight", LoraRole.Mid),
        (".lora_A.default.weight", LoraRole.Down), (".lora_B.default.weight", LoraRole.Up),
        (".lora_A.weight", LoraRole.Down), (".lora_B.weight", LoraRole.Up),
        (".lora_linear_layer.down.weight", LoraRole.Down), (".lora_linear_layer.up.weight", LoraRole.Up),
        (".lora.down.weight", LoraRole.Down), (".lora.up.weight", LoraRole.Up),
        ("_lora.down.weight", LoraRole.Down), ("_lora.up.weight", LoraRole.Up),
        (".alpha", LoraRole.Alpha), (".dora_scale", LoraRole.Magnitude),
        ($"{PeftMagnitude}.default.weight", LoraRole.Magnitude), ($"{PeftMagnitude}.weight", LoraRole.Magnitude), (PeftMagnitude, LoraRole.Magnitude),
        (".hada_w1_a", LoraRole.Hada1A), (".hada_w1_b", LoraRole.Hada1B), (".hada_w2_a", LoraRole.Hada2A), (".hada_w2_b", LoraRole.Hada2B),
        (".hada_t1", LoraRole.Hada1Core), (".hada_t2", LoraRole.Hada2Core),
        (".lokr_w1", LoraRole.Kron1), (".lokr_w1_a", LoraRole.Kron1A), (".lokr_w1_b", LoraRole.Kron1B),
        (".lokr_w2", LoraRole.Kron2), (".lokr_w2_a", LoraRole.Kron2A), (".lokr_w2_b", LoraRole.Kron2B), (".lokr_t2", LoraRole.Kron2Core),
        (".a1.weight", LoraRole.GeneralA1), (".a2.weight", LoraRole.GeneralA2), (".b1.weight", LoraRole.GeneralB1), (".b2.weight", LoraRole.GeneralB2),
        (OnInput, LoraRole.OnInput), (".oft_blocks", LoraRole.Blocks), (".oft_diag", LoraRole.Rotations), (".rescale", LoraRole.RowScales),
        (".oft_R.default.weight", LoraRole.InputBlocks), (".oft_R.weight", LoraRole.InputBlocks),
        (".w_norm", LoraRole.NormDifference), (".b_norm", LoraRole.NormBiasDifference),
        (".diff", LoraRole.Difference), (".diff_b", LoraRole.BiasDifference),
    ];

    private static readonly (string Start, string Part)[] s_parts =
    [
        ("lora_unet_", ModelParts.UNet), ("lora_te1_", ModelParts.TextEncoder), ("lora_te2_", ModelParts.TextEncoder2), ("lora_te_", ModelParts.TextEncoder),
        ("oft_unet_", ModelParts.UNet),
        ("unet.", ModelParts.UNet), ("text_encoder_2.", ModelParts.TextEncoder2), ("text_encoder.", ModelParts.TextEncoder),
        ("diffusion_model.", ModelParts.UNet), ("model.diffusion_model.", ModelParts.UNet),
    ];

    // The starts of paths in files that contain one part only and do not name it.
    private static readonly (string Start, string Part)[] s_bare =
    [
        ("down_blocks", ModelParts.UNet), ("mid_block", ModelParts.UNet), ("up_blocks", ModelParts.UNet), ("conv_in", ModelParts.UNet), ("conv_out", ModelParts.UNet),
        ("time_embedding", ModelParts.UNet), ("add_embedding", ModelParts.UNet), ("text_model", ModelParts.TextEncoder),
    ];

    private const string Weight = ".weight";
    private const string OnInput = ".on_input";
    private const string PeftMagnitude = ".lora_magnitude_vector";
    private const string OldPeftRotation = ".oft_r";
    private const string PeftWrapper = "base_model.model.";
    private const string OldProcessor = ".processor.";

    /// <summary>Parses a name.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <returns>The parsed name; null if it has no known suffix.</returns>
    public static LoraKey? Parse(string name)
    {
        foreach ((string ending, LoraRole role) in s_roles)
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
                return Of(name[..^ending.Length], role);
        }

        return null;
    }

    /// <summary>Parses a name in a file. IA3's factors are named like the weights of a model, and known by the tensor beside them.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="tensors">All tensors of the file, by name.</param>
    /// <returns>The parsed name; null if it has no known suffix.</returns>
    public static LoraKey? Parse(string name, IReadOnlyDictionary<string, StoredTensor> tensors) => Parse(name)
        ?? (name.EndsWith(Weight, StringComparison.Ordinal) && tensors.ContainsKey(name[..^Weight.Length] + OnInput) ? Of(name[..^Weight.Length], LoraRole.Factors) : null);

    /// <summary>Whether the name of a magnitude is PEFT's, which has axes of its own.</summary>
    public static bool IsMagnitudeOfPeft(string name) => name.Contains(PeftMagnitude, StringComparison.Ordinal);

    /// <summary>Whether a name is that of the OFT of old versions of PEFT, whose rotations are computed in other ways.</summary>
    public static bool IsOldRotationOfPeft(string name) => name.EndsWith(OldPeftRotation, StringComparison.Ordinal) || name.Contains($"{OldPeftRotation}.", StringComparison.Ordinal);

    private static LoraKey Of(string module, LoraRole role)
    {
        (string? part, string path) = Divide(module.StartsWith(PeftWrapper, StringComparison.Ordinal) ? module[PeftWrapper.Length..] : module);
        return new LoraKey(part, path.Replace(OldProcessor, ".", StringComparison.Ordinal).Replace('.', '_'), module, role);
    }

    private static (string? Part, string Path) Divide(string module)
    {
        foreach ((string start, string part) in s_parts)
        {
            if (module.StartsWith(start, StringComparison.Ordinal))
                return (part, module[start.Length..]);
        }

        return (s_bare.FirstOrDefault(item => module.StartsWith(item.Start, StringComparison.Ordinal)).Part, module);
    }
}
