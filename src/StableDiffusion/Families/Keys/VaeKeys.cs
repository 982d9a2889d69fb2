namespace StableDiffusion.Families.Keys;

/// <summary>
/// Diffusers' names for the weights of an autoencoder in the layout of the latent diffusion code, which numbers the
/// decoder's levels from the highest resolution down; diffusers numbers them from the lowest up.
/// </summary>
internal sealed class VaeKeys
{
    private readonly int _levels;

    private VaeKeys(int levels) => _levels = levels;

    /// <summary>Counts the decoder's levels.</summary>
    /// <param name="names">The names of all the autoencoder's tensors, from <c>encoder</c> and <c>decoder</c> on.</param>
    /// <returns>The translation.</returns>
    public static VaeKeys For(IEnumerable<string> names)
    {
        int levels = 0;
        foreach (string text in names)
        {
            DottedName name = new(text);
            if (name.Take("decoder.up") && name.Take(out int level) && level < int.MaxValue)
                levels = Math.Max(levels, level + 1);
        }

        return new VaeKeys(levels);
    }

    /// <summary>Translates a name.</summary>
    /// <param name="key">The tensor's name, from <c>encoder</c>, <c>decoder</c> and so on.</param>
    /// <returns>Diffusers' name, or null if the tensor does not belong to the network.</returns>
    public string? ToDiffusers(string key)
    {
        DottedName name = new(key);
        if (name.Take("quant_conv"))
            return key;
        if (name.Take("post_quant_conv"))
            return key;

        string half;
        if (name.Take("encoder"))
            half = "encoder";
        else if (name.Take("decoder"))
            half = "decoder";
        else
            return null;

        if (name.Take("norm_out"))
            return $"{half}.conv_norm_out.{name.Rest}";
        if (name.Take("conv_in"))
            return $"{half}.conv_in.{name.Rest}";
        if (name.Take("conv_out"))
            return $"{half}.conv_out.{name.Rest}";
        if (name.Take("mid"))
            return FromMiddle($"{half}.mid_block", name);
        if (half == "encoder" && name.Take("down") && name.Take(out int down))
            return FromLevel($"{half}.down_blocks.{down}", name, "downsample", "downsamplers");
        if (half == "decoder" && name.Take("up") && name.Take(out int up))
            return FromLevel($"{half}.up_blocks.{_levels - 1 - up}", name, "upsample", "upsamplers");
        return null;
    }

    private static string? FromLevel(string path, DottedName name, string sampler, string samplers)
    {
        if (name.Take(sampler))
            return $"{path}.{samplers}.0.{name.Rest}";
        return name.Take("block") && name.Take(out int block) ? ToResnet($"{path}.resnets.{block}", name) : null;
    }

    private static string? FromMiddle(string path, DottedName name)
    {
        if (name.Take("block_1"))
            return ToResnet($"{path}.resnets.0", name);
        if (name.Take("block_2"))
            return ToResnet($"{path}.resnets.1", name);
        if (!name.Take("attn_1"))
            return null;

        string? layer =
            name.Take("norm") ? "group_norm" :
            name.Take("q") ? "to_q" :
            name.Take("k") ? "to_k" :
            name.Take("v") ? "to_v" :
            name.Take("proj_out") ? "to_out.0" : null;
        return layer is null ? null : $"{path}.attentions.0.{layer}.{name.Rest}";
    }

    private static string ToResnet(string path, DottedName name) =>
        name.Take("nin_shortcut") ? $"{path}.conv_shortcut.{name.Rest}" : $"{path}.{name.Rest}";
}
