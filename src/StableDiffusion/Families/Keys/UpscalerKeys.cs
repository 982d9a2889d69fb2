using System.Globalization;
using System.Text.RegularExpressions;

namespace StableDiffusion.Families.Keys;

/// <summary>
/// BasicSR's names for the weights of an upscaler, which is published in four layouts: that of BasicSR and Real-ESRGAN, that of
/// BSRGAN, that of the first ESRGAN, whose layers are numbered, and the compact one. A file may hold the weights in a dictionary.
/// </summary>
internal static partial class UpscalerKeys
{
    private const string First = "conv_first.weight";

    // The averaged weights come first: they are those that the authors publish and use.
    private static readonly string[] s_wrappers = ["", "params_ema.", "params.", "model_state_dict.", "model.", "module.", "netG.", "generator."];

    /// <summary>The layouts: tensors that each file of the layout has, and how its names are translated.</summary>
    private static readonly (UpscalerLayout Layout, string[] Marks)[] s_layouts =
    [
        (UpscalerLayout.Residual, [First, "body.0.rdb1.conv1.weight"]),
        (UpscalerLayout.Bsrgan, [First, "RRDB_trunk.0.RDB1.conv1.weight"]),
        (UpscalerLayout.Numbered, ["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"]),
        (UpscalerLayout.Compact, ["body.0.weight", "body.1.weight", "body.2.weight"]),
    ];

    /// <summary>Finds the weights of an upscaler in a file.</summary>
    /// <param name="names">The tensors by their names.</param>
    /// <returns>How the names of its weights begin, and their layout; null if there is none.</returns>
    public static (string Wrapper, UpscalerLayout Layout)? Find<T>(IReadOnlyDictionary<string, T> names)
    {
        foreach (string wrapper in s_wrappers)
        {
            foreach ((UpscalerLayout layout, string[] marks) in s_layouts)
            {
                if (Array.TrueForAll(marks, mark => names.ContainsKey(wrapper + mark)))
                    return (wrapper, layout);
            }
        }

        return null;
    }

    /// <summary>Translates a name.</summary>
    /// <param name="key">The tensor's name, without that of the dictionary.</param>
    /// <param name="layout">The layout.</param>
    /// <param name="doublings">How often the network doubles the size; needed for numbered layers.</param>
    /// <returns>BasicSR's name; null if there is no such layer.</returns>
    public static string? ToBasicSr(string key, UpscalerLayout layout, int doublings) =>
        Translate(key, layout, doublings) is string name && (layout == UpscalerLayout.Compact ? CompactName() : ResidualName()).IsMatch(name) ? name : null;

    private static string? Translate(string key, UpscalerLayout layout, int doublings) => layout switch
    {
        UpscalerLayout.Residual or UpscalerLayout.Compact => key,
        UpscalerLayout.Bsrgan => Bsrgan().Replace(key, static match => match.Value switch
        {
            "RRDB_trunk." => "body.",
            ".RDB" => ".rdb",
            "trunk_conv." => "conv_body.",
            "upconv" => "conv_up",
            _ => "conv_hr.",
        }),
        _ => OfNumbered(key, doublings),
    };

    /// <summary>Counts the doublings of numbered layers.</summary>
    /// <param name="names">The tensors by their names.</param>
    /// <param name="wrapper">How the names begin.</param>
    public static int CountDoublings<T>(IReadOnlyDictionary<string, T> names, string wrapper)
    {
        int count = 0;
        while (names.ContainsKey($"{wrapper}model.{DoublingLayer(count + 1)}.weight"))
            count++;
        return count;
    }

    // Each doubling is an enlargement, a convolution and an activation; layers without weights count, too.
    private static int DoublingLayer(int doubling) => 3 * doubling;

    private static string? OfNumbered(string key, int doublings)
    {
        if (DenseLayer().Match(key) is { Success: true } dense)
            return $"body.{dense.Groups[1].Value}.rdb{dense.Groups[2].Value}.conv{dense.Groups[3].Value}.{dense.Groups[4].Value}";
        if (AfterBlocks().Match(key) is { Success: true } after)
            return $"conv_body.{after.Groups[1].Value}";
        if (Layer().Match(key) is not { Success: true } layer || !int.TryParse(layer.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return null;

        int high = DoublingLayer(doublings) + 2;
        string? name = number == 0 ? "conv_first" : number == high ? "conv_hr" : number == high + 2 ? "conv_last" : number > 1 && number < high && number % 3 == 0 ? $"conv_up{number / 3}" : null;
        return name is null ? null : $"{name}.{layer.Groups[2].Value}";
    }

    [GeneratedRegex(@"^(conv_(first|body|up[1-9]|hr|last)|body\.[0-9]+\.rdb[1-3]\.conv[1-5])\.(weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex ResidualName();

    [GeneratedRegex(@"^body\.[0-9]+\.(weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex CompactName();

    [GeneratedRegex(@"^RRDB_trunk\.|\.RDB(?=[1-3]\.)|^trunk_conv\.|^upconv(?=[0-9]\.)|^HRconv\.", RegexOptions.CultureInvariant)]
    private static partial Regex Bsrgan();

    [GeneratedRegex(@"^model\.1\.sub\.([0-9]+)\.RDB([1-3])\.conv([1-5])\.0\.(weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex DenseLayer();

    [GeneratedRegex(@"^model\.1\.sub\.[0-9]+\.(weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex AfterBlocks();

    [GeneratedRegex(@"^model\.([0-9]+)\.(weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
