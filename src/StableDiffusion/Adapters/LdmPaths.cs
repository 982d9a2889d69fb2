using System.Text.RegularExpressions;
using StableDiffusion.Families.Keys;

namespace StableDiffusion.Adapters;

/// <summary>
/// Converts the names of U-Net layers in the latent diffusion code, which Kohya's LoRAs for SDXL use, to diffusers' names.
/// </summary>
/// <param name="layersPerBlock">The number of layers in each down block of the U-Net.</param>
internal sealed partial class LdmPaths(int layersPerBlock)
{
    private const string Weight = ".weight";

    private readonly UNetKeys _keys = UNetKeys.OfLayers(layersPerBlock);

    /// <summary>Converts a path.</summary>
    /// <param name="path">The path with underscores in place of dots, such as <c>input_blocks_4_1_proj_in</c>.</param>
    /// <returns>diffusers' path, also with underscores; null if it is not a path of that code.</returns>
    public string? ToDiffusers(string path)
    {
        Match match = Block().Match(path);
        if (!match.Success)
            return null;

        // Only the converted parts get their dots back; the inner names of a transformer are the same in both.
        string dotted = string.Join('.', match.Groups.Values.Skip(1).Where(group => group.Success).Select(group => group.Value));
        dotted = InnerLayer().Replace(dotted, "$1.$2");
        return _keys.ToDiffusers(dotted + Weight) is string name ? name[..^Weight.Length].Replace('.', '_') : null;
    }

    [GeneratedRegex("^(?:(input_blocks|output_blocks)_([0-9]+)_([0-9]+)|(middle_block|time_embed|label_emb_0|out)_([0-9]+))(?:_(.+))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"(in_layers|out_layers|emb_layers|label_emb)_([0-9]+)", RegexOptions.CultureInvariant)]
    private static partial Regex InnerLayer();
}
