using System.Globalization;
using System.Text.RegularExpressions;

namespace StableDiffusion.Hub;

/// <summary>
/// The name of a file of weights in the style of diffusers and transformers, such as <c>model.fp16.safetensors</c>,
/// <c>diffusion_pytorch_model-00001-of-00002.safetensors</c>, or the index of such shards.
/// </summary>
/// <param name="Format">The format: <c>safetensors</c> or <c>bin</c>.</param>
/// <param name="Variant">The variant of the weights: <c>fp16</c>, <c>non_ema</c> ...; empty for full precision.</param>
/// <param name="ShardCount">The number of shards; 0 for a file with all weights, and for an index.</param>
/// <param name="IsIndex">Whether the file is an index of shards.</param>
internal sealed partial record WeightFileName(string Format, string Variant, int ShardCount, bool IsIndex)
{
    public const string Safetensors = "safetensors";

    /// <summary>Parses a name.</summary>
    /// <param name="name">A file's name without its folder.</param>
    /// <returns>The parsed name, or null if it is not the name of a file of weights.</returns>
    public static WeightFileName? Parse(string name)
    {
        Match match = WeightsPattern().Match(name);
        bool isIndex = !match.Success;
        if (isIndex)
            match = IndexPattern().Match(name);
        if (!match.Success)
            return null;

        string variant = match.Groups["before"].Value + match.Groups["after"].Value;
        string shards = match.Groups["count"].Value;
        return new WeightFileName(
            match.Groups["format"].Value, variant, shards.Length == 0 ? 0 : int.Parse(shards, CultureInfo.InvariantCulture), isIndex);
    }

    [GeneratedRegex(@"\A(?:diffusion_pytorch_model|pytorch_model|model)(?:\.(?<before>\w+))?(?:-[0-9]{5}-of-(?<count>[0-9]{5}))?(?:\.(?<after>\w+))?\.(?<format>safetensors|bin)\z")]
    private static partial Regex WeightsPattern();

    [GeneratedRegex(@"\A(?:diffusion_pytorch_model|pytorch_model|model)(?:\.(?<before>\w+?))?\.(?<format>safetensors|bin)\.index(?:\.(?<after>\w+))?\.json\z")]
    private static partial Regex IndexPattern();
}
