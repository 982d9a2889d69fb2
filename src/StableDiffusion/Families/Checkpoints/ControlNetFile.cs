using System.Text.Json.Nodes;
using StableDiffusion.Families.Configs;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>
/// A ControlNet in a single file: with diffusers' names, or in the layout of the original code (lllyasviel's
/// <c>cldm.py</c>), with or without <c>control_model.</c> in front of the names.
/// </summary>
internal static class ControlNetFile
{
    private const string Prefix = "control_model.";
    private const string DiffusersMark = "controlnet_cond_embedding.conv_in.weight";
    private const string Mark = "input_hint_block.0.weight";
    private const string DifferenceMark = "difference";

    // Every second layer of the list is a convolution, with activations between them.
    private const int LastHintLayer = 14;

    /// <summary>Detects a ControlNet from the file's contents.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <returns>The ControlNet.</returns>
    /// <exception cref="ModelInvalidException">The file does not contain a ControlNet, or one that is not supported.</exception>
    public static CheckpointPart Read(ITensorFile file)
    {
        if (file.Tensors.ContainsKey(DifferenceMark))
            throw new ModelInvalidException($"'{file.Path}' contains only the difference between a ControlNet and one model's U-Net. Get the complete ControlNet.");

        MappedWeights weights = Map(file);
        JsonObject config = UNetConfigInference.InferControlNet(weights);
        return new CheckpointPart(ModelParts.ControlNet, weights, config);
    }

    private static MappedWeights Map(ITensorFile file)
    {
        WeightMap map = new(file, []);
        if (file.Tensors.ContainsKey(DiffusersMark))
        {
            foreach (string key in file.Tensors.Keys)
                map.Add(key, key);
            return map.ToWeights();
        }

        string prefix = file.Tensors.ContainsKey(Prefix + Mark) ? Prefix : string.Empty;
        if (!file.Tensors.ContainsKey(prefix + Mark))
            throw new ModelInvalidException($"'{file.Path}' does not contain a ControlNet. {TensorGroups.Describe(file.Tensors.Keys)}");

        string[] names = [.. file.Tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..])];
        UNetKeys keys = UNetKeys.For(names, file.Path, hasUpBlocks: false);
        foreach (string name in names)
            map.Add(ToDiffusers(name, keys), prefix + name);
        return map.ToWeights();
    }

    private static string? ToDiffusers(string key, UNetKeys keys)
    {
        DottedName name = new(key);
        if (name.Take("input_hint_block"))
        {
            if (!name.Take(out int layer) || layer % 2 != 0)
                return null;
            string place = layer switch { 0 => "conv_in", LastHintLayer => "conv_out", _ => $"blocks.{(layer / 2) - 1}" };
            return $"controlnet_cond_embedding.{place}.{name.Rest}";
        }

        if (name.Take("zero_convs"))
            return name.Take(out int block) && name.Take("0") ? $"controlnet_down_blocks.{block}.{name.Rest}" : null;
        if (name.Take("middle_block_out"))
            return name.Take("0") ? $"controlnet_mid_block.{name.Rest}" : null;
        return keys.ToDiffusers(key);
    }
}
