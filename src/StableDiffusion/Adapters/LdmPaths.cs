using System.Text.RegularExpressions;
using StableDiffusion.Families.Keys;

namespace StableDiffusion.Adapters;

/// <summary>
/// Translates the U-Net's layers in the words of the latent diffusion code, which Kohya's LoRAs for SDXL use, to diffusers'.
/// </summary>
/// <param name="layersPerBlock">How many layers the U-Net's levels have on the way down.</param>
internal sealed partial class LdmPaths(int layersPerBlock)
{
    private const string Weight = ".weight";

    private readonly UNetKeys _keys = UNetKeys.OfLayers(layersPerBlock);

    /// <summary>Translates a path.</summary>
    /// <param name="path">The path with dots as underscores, such as <c>input_blocks_4_1_proj_in</c>.</param>
    /// <returns>Diffusers' path, with dots as underscores too; null if it is none of that code.</returns>
    public string? ToDiffusers(string path)
    {
        Match match = Block().Match(path);
        if (!match.Success)
            return null;

        // Only the parts that are translated get their dots back; a transformer's inner names are the same in both.
        string dotted = string.Join('.', match.Groups.Values.Skip(1).Where(group => group.Success).Select(group => group.Value));
        dotted = InnerLayer().Replace(dotted, "$1.$2");
        return _keys.ToDiffusers(dotted + Weight) is string name ? name[..^Weight.Length].Replace('.', '_') : null;
    }

    [GeneratedRegex("^(?:(input_blocks|output_blocks)_([0-9]+)_([0-9]+)|(middle_block|time_embed|label_emb_0|out)_([0-9]+))(?:_(.+))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"(in_layers|out_layers|emb_layers|label_emb)_([0-9]+)", RegexOptions.CultureInvariant)]
    private static partial Regex InnerLayer();
}
