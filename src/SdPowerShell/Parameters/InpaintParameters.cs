using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>Checks the parameters of inpainting against each other.</summary>
internal static class InpaintParameters
{
    // Those that say what is done with a mask.
    private static readonly string[] s_ofMask =
    [
        nameof(DenoiseOptions.MaskBlur), nameof(DenoiseOptions.MaskInvert), nameof(DenoiseOptions.InpaintMode), nameof(DenoiseOptions.MaskFill),
        nameof(DenoiseOptions.MaskedOnly), nameof(DenoiseOptions.MaskPadding), nameof(DenoiseOptions.NoPasteBack),
        .. SettingTable.Rows.Select(static row => row.Name).Where(static name => InpaintSettings.ModeOf(name) is not null),
    ];

    /// <summary>Refuses settings that have no effect.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="hasMask">Whether a mask is given.</param>
    /// <param name="refuse">Gets the setting and the message; it may ignore a setting that an object carries.</param>
    public static void Check(DenoiseOptions options, bool hasMask, Action<string, string> refuse)
    {
        foreach (Setting row in hasMask ? [] : s_ofMask.Select(SettingTable.Find))
        {
            if (row.Get(options) is object value && !row.IsDefault(value))
                refuse(row.Name, $"{row.Name} has no effect without MaskImage. Give a mask, or omit {row.Name}.");
        }

        string mode = options.InpaintMode ?? nameof(InpaintMode.Diffusers);
        foreach (Setting row in hasMask ? SettingTable.Rows : [])
        {
            if (InpaintSettings.ModeOf(row.Name)?.ToString() is string only && !only.Equals(mode, StringComparison.OrdinalIgnoreCase) && row.Get(options) is object value && !row.IsDefault(value))
                refuse(row.Name, $"{row.Name} has no effect with the InpaintMode {mode}. Use -InpaintMode {only}, or omit {row.Name}.");
        }

        if (hasMask && options is { MaskPadding: not null, MaskedOnly: not true })
            refuse(nameof(options.MaskPadding), "MaskPadding has no effect without MaskedOnly. Give that too, or omit MaskPadding.");
    }
}
