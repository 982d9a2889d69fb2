using System.Text.RegularExpressions;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Writes a ControlNet of two layers a level in the layout of its first code, <c>cldm.py</c>.</summary>
internal static partial class OriginalControlNet
{
    private const int Stride = 3;

    private static readonly (string Diffusers, string Original)[] s_resnet =
    [
        ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
    ];

    public static void Write(string source, string target)
    {
        using SafetensorsFile file = SafetensorsFile.Open(source);
        SafetensorsWriter.Write(target, file.Tensors.Keys.ToDictionary(key => $"control_model.{Rename(key)}", key => file.Read(key)));
    }

    private static string Rename(string key)
    {
        key = DownPart().Replace(key, match =>
        {
            int block = 1 + (int.Parse(match.Groups[1].ValueSpan) * Stride) + int.Parse(match.Groups[3].ValueSpan);
            return match.Groups[2].Value switch
            {
                "resnets" => $"input_blocks.{block}.0.",
                "attentions" => $"input_blocks.{block}.1.",
                _ => $"input_blocks.{block + 2}.0.",
            };
        });
        key = key.Replace("mid_block.resnets.0.", "middle_block.0.").Replace("mid_block.attentions.0.", "middle_block.1.").Replace("mid_block.resnets.1.", "middle_block.2.");
        if (key.StartsWith("input_blocks.", StringComparison.Ordinal) || key.StartsWith("middle_block.", StringComparison.Ordinal))
        {
            key = key.Replace(".0.conv.", ".0.op.", StringComparison.Ordinal);
            foreach ((string diffusers, string original) in s_resnet)
                key = ResnetOf(key) ? key.Replace($".{diffusers}.", $".{original}.", StringComparison.Ordinal) : key;
        }

        key = ZeroConvolution().Replace(key, "zero_convs.$1.0.");
        key = PictureBlock().Replace(key, match => $"input_hint_block.{2 * (int.Parse(match.Groups[1].ValueSpan) + 1)}.");
        return key
            .Replace("controlnet_mid_block.", "middle_block_out.0.")
            .Replace("controlnet_cond_embedding.conv_in.", "input_hint_block.0.")
            .Replace("controlnet_cond_embedding.conv_out.", "input_hint_block.14.")
            .Replace("time_embedding.linear_1.", "time_embed.0.")
            .Replace("time_embedding.linear_2.", "time_embed.2.")
            .Replace("conv_in.", "input_blocks.0.0.");
    }

    // A transformer's norms have the names of a residual block's.
    private static bool ResnetOf(string key) => !key.Contains("transformer_blocks", StringComparison.Ordinal);

    [GeneratedRegex(@"^down_blocks\.(\d)\.(resnets|attentions|downsamplers)\.(\d)\.")]
    private static partial Regex DownPart();

    [GeneratedRegex(@"^controlnet_down_blocks\.(\d+)\.")]
    private static partial Regex ZeroConvolution();

    [GeneratedRegex(@"^controlnet_cond_embedding\.blocks\.(\d)\.")]
    private static partial Regex PictureBlock();
}
