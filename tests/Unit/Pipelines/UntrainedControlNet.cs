using System.Text.Json.Nodes;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// Writes ControlNets as they are before their training: the U-Net's own way down and middle. What is zero at first has
/// random weights here, so that it has an effect.
/// </summary>
internal static class UntrainedControlNet
{
    private const int ConditioningChannels = 8;

    private static readonly string[] s_copied = ["conv_in.", "time_embedding.", "add_embedding.", "down_blocks.", "mid_block."];

    /// <summary>Writes a ControlNet of the demo model.</summary>
    public static void WriteDemo(string folder)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.DemoModel, "unet", "diffusion_pytorch_model.safetensors"));
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.DemoModel, "unet", "config.json")))!;
        Write(file.Tensors.Keys, file.Read, config.AsObject(), folder);
    }

    public static void Write(IEnumerable<string> names, Func<string, Tensor> read, JsonObject unetConfig, string folder)
    {
        Dictionary<string, Tensor> tensors = names.Where(name => s_copied.Any(part => name.StartsWith(part, StringComparison.Ordinal))).ToDictionary(name => name, read);
        int[] channels = [.. unetConfig["block_out_channels"]!.AsArray().Select(item => item!.GetValue<int>())];
        int layers = unetConfig["layers_per_block"]!.GetValue<int>();
        int[] skips = [channels[0], .. channels.SelectMany((width, level) => Enumerable.Repeat(width, layers + (level < channels.Length - 1 ? 1 : 0)))];
        for (int i = 0; i < skips.Length; i++)
            AddConvolution($"controlnet_down_blocks.{i}", skips[i], skips[i], 1);
        AddConvolution("controlnet_mid_block", channels[^1], channels[^1], 1);
        AddConvolution("controlnet_cond_embedding.conv_in", ConditioningChannels, 3, 3);
        for (int i = 0; i < 6; i++)
            AddConvolution($"controlnet_cond_embedding.blocks.{i}", ConditioningChannels, ConditioningChannels, 3);
        AddConvolution("controlnet_cond_embedding.conv_out", channels[0], ConditioningChannels, 3);

        JsonObject config = unetConfig.DeepClone().AsObject();
        config["_class_name"] = "ControlNetModel";
        config["conditioning_embedding_out_channels"] = new JsonArray(ConditioningChannels, ConditioningChannels, ConditioningChannels, ConditioningChannels);
        config.Remove("up_block_types");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, "diffusion_pytorch_model.safetensors"), tensors);

        void AddConvolution(string name, int outChannels, int inChannels, int kernel)
        {
            Random random = new(tensors.Count);
            Tensor weight = new(outChannels, inChannels, kernel, kernel);
            for (int i = 0; i < weight.Length; i++)
                weight.Values[i] = (random.NextSingle() - 0.5f) / inChannels;
            tensors.Add($"{name}.weight", weight);
            tensors.Add($"{name}.bias", new Tensor(outChannels));
        }
    }
}
