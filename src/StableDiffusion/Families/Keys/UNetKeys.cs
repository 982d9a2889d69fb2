namespace StableDiffusion.Families.Keys;

/// <summary>
/// Diffusers' names for the weights of a U-Net in the layout of the latent diffusion code (CompVis and Stability AI,
/// <c>openaimodel.py</c>). That code numbers the input blocks, among them the first convolution and the downsamplers,
/// in one list, and the output blocks in another.
/// </summary>
internal sealed class UNetKeys
{
    /// <summary>That code's list of the first convolution, the down blocks and the downsamplers.</summary>
    public const string InputBlocks = "input_blocks";

    /// <summary>That code's block in the middle.</summary>
    public const string MiddleBlock = "middle_block";

    /// <summary>That code's list of the up blocks and the upsamplers.</summary>
    public const string OutputBlocks = "output_blocks";

    private readonly int _stride;

    private UNetKeys(int stride) => _stride = stride;

    /// <summary>The translation for a U-Net with this number of layers in each down block.</summary>
    public static UNetKeys OfLayers(int layersPerBlock) => new(layersPerBlock + 1);

    /// <summary>Finds how the lists are divided into levels.</summary>
    /// <param name="names">The names of all the U-Net's tensors, from <c>input_blocks</c> on.</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="hasUpBlocks">Whether there are up blocks; a ControlNet has none.</param>
    /// <returns>The translation.</returns>
    /// <exception cref="ModelInvalidException">The levels differ in the number of their blocks, or blocks are missing.</exception>
    public static UNetKeys For(IEnumerable<string> names, string source, bool hasUpBlocks = true)
    {
        SortedSet<int> downs = [];
        SortedSet<int> inputs = [];
        SortedSet<int> outputs = [];
        foreach (string text in names)
        {
            DottedName name = new(text);
            if (name.Take(InputBlocks) && name.Take(out int input))
            {
                inputs.Add(input);
                if (name.Take("0") && name.Take("op"))
                    downs.Add(input);
            }
            else if (name.Take(OutputBlocks) && name.Take(out int output))
            {
                outputs.Add(output);
            }
        }

        int stride = downs.Count > 0 ? downs.Min : inputs.Count;
        int blocks = stride * (downs.Count + 1);
        bool regular = stride > 1
            && downs.Select(static (block, index) => (block, index)).All(down => down.block == (down.index + 1) * stride)
            && inputs.Count == blocks && inputs.Max == blocks - 1
            && (!hasUpBlocks || (outputs.Count == blocks && outputs.Max == blocks - 1));
        return regular
            ? new UNetKeys(stride)
            : throw new ModelInvalidException(
                $"The U-Net in '{source}' has {inputs.Count} input blocks, {downs.Count} of them downsamplers, and {outputs.Count} output blocks. " +
                "This is not the layout of a Stable Diffusion model, or blocks are missing.");
    }

    /// <summary>Translates a name.</summary>
    /// <param name="key">The tensor's name, from <c>input_blocks</c>, <c>time_embed</c> and so on.</param>
    /// <returns>Diffusers' name, or null if the tensor does not belong to the network.</returns>
    public string? ToDiffusers(string key)
    {
        DottedName name = new(key);
        if (name.Take(InputBlocks))
            return name.Take(out int input) && name.Take(out int part) ? FromInput(input, part, name) : null;
        if (name.Take(OutputBlocks))
            return name.Take(out int output) && name.Take(out int part) ? FromOutput(output, part, name) : null;
        if (name.Take(MiddleBlock))
            return name.Take(out int part) ? FromMiddle(part, name) : null;
        if (name.Take("time_embed"))
            return ToLinear("time_embedding", name);
        if (name.Take("label_emb") && name.Take("0"))
            return ToLinear("add_embedding", name);
        if (name.Take("out"))
            return name.Take("0") ? $"conv_norm_out.{name.Rest}" : name.Take("2") ? $"conv_out.{name.Rest}" : null;
        return null;
    }

    /// <summary>Finds the block that a layer is in.</summary>
    /// <param name="path">Diffusers' path of the layer, such as <c>down_blocks.1.attentions.0.proj_in</c>.</param>
    /// <returns>The list and the number in it; null if the layer is outside of the blocks.</returns>
    public (string List, int Block)? BlockOf(string path)
    {
        // The name of any tensor of the layer.
        DottedName name = new($"{path}.weight");
        if (name.Take("conv_in"))
            return (InputBlocks, 0);
        if (name.Take("mid_block"))
            return (MiddleBlock, 0);
        bool isInput = name.Take("down_blocks");
        if ((!isInput && !name.Take("up_blocks")) || !name.Take(out int level) || level > byte.MaxValue)
            return null;

        // The down blocks follow the first convolution.
        int first = isInput ? level * _stride + 1 : level * _stride;
        bool isIndexed = name.Take("resnets") || name.Take("attentions");
        if (isIndexed && name.Take(out int index))
            return index < _stride ? (isInput ? InputBlocks : OutputBlocks, first + index) : null;
        if (name.Take("downsamplers") || name.Take("upsamplers"))
            return (isInput ? InputBlocks : OutputBlocks, first + _stride - 1);
        return null;
    }

    private string? FromInput(int block, int part, DottedName name)
    {
        if (block == 0)
            return part == 0 ? $"conv_in.{name.Rest}" : null;

        (int level, int index) = Math.DivRem(block - 1, _stride);
        string path = $"down_blocks.{level}";
        if (index == _stride - 1)
            return part == 0 && name.Take("op") ? $"{path}.downsamplers.0.conv.{name.Rest}" : null;

        return part switch
        {
            0 => ToResnet($"{path}.resnets.{index}", name),
            1 => $"{path}.attentions.{index}.{name.Rest}",
            _ => null,
        };
    }

    private string? FromOutput(int block, int part, DottedName name)
    {
        (int level, int index) = Math.DivRem(block, _stride);
        string path = $"up_blocks.{level}";
        if (part == 0)
            return ToResnet($"{path}.resnets.{index}", name);

        // The upsampler follows the attention, or replaces it in levels without attention.
        if (part <= 2 && name.Take("conv"))
            return $"{path}.upsamplers.0.conv.{name.Rest}";
        return part == 1 ? $"{path}.attentions.{index}.{name.Rest}" : null;
    }

    private static string? FromMiddle(int part, DottedName name) => part switch
    {
        0 => ToResnet("mid_block.resnets.0", name),
        1 => $"mid_block.attentions.0.{name.Rest}",
        2 => ToResnet("mid_block.resnets.1", name),
        _ => null,
    };

    private static string? ToResnet(string path, DottedName name)
    {
        string? layer =
            name.Take("in_layers.0") ? "norm1" :
            name.Take("in_layers.2") ? "conv1" :
            name.Take("emb_layers.1") ? "time_emb_proj" :
            name.Take("out_layers.0") ? "norm2" :
            name.Take("out_layers.3") ? "conv2" :
            name.Take("skip_connection") ? "conv_shortcut" : null;
        return layer is null ? null : $"{path}.{layer}.{name.Rest}";
    }

    private static string? ToLinear(string path, DottedName name) =>
        name.Take("0") ? $"{path}.linear_1.{name.Rest}" : name.Take("2") ? $"{path}.linear_2.{name.Rest}" : null;
}
