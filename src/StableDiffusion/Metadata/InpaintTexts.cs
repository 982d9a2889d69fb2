using System.Globalization;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>The settings of inpainting under A1111's names for them, as far as they are not plain values.</summary>
internal static class InpaintTexts
{
    /// <summary>What A1111 writes if black is repainted.</summary>
    public const string ModeKey = "Mask mode";

    /// <summary>What A1111 calls the filling of the masked part.</summary>
    public const string ContentKey = "Masked content";

    /// <summary>What A1111 writes if only the region around the mask was made.</summary>
    public const string AreaKey = "Inpaint area";

    private const string Inverted = "Inpaint not masked";
    private const string OnlyMasked = "Only masked";

    private static readonly (MaskFill Fill, string Name)[] s_contents = [(MaskFill.Fill, "fill"), (MaskFill.Noise, "latent noise"), (MaskFill.Nothing, "latent nothing")];

    // A1111's extension writes all of its settings, also the defaults.
    private const string SoftKey = "Soft inpainting enabled";

    private static readonly (string Key, Setting Row)[] s_soft =
    [
        ("Soft inpainting schedule bias", SettingTable.Find(nameof(GenerationInfo.SoftScheduleBias))),
        ("Soft inpainting preservation strength", SettingTable.Find(nameof(GenerationInfo.SoftPreservationStrength))),
        ("Soft inpainting transition contrast boost", SettingTable.Find(nameof(GenerationInfo.SoftContrastBoost))),
        ("Soft inpainting mask influence", SettingTable.Find(nameof(GenerationInfo.SoftMaskInfluence))),
        ("Soft inpainting difference threshold", SettingTable.Find(nameof(GenerationInfo.SoftDifferenceThreshold))),
        ("Soft inpainting difference contrast", SettingTable.Find(nameof(GenerationInfo.SoftDifferenceContrast))),
    ];

    /// <summary>The settings as texts.</summary>
    /// <param name="info">The settings of the image.</param>
    public static IEnumerable<(string Key, string Value)> Of(GenerationInfo info)
    {
        if (info.MaskInvert == true)
            yield return (ModeKey, Inverted);
        foreach ((MaskFill fill, string name) in s_contents)
        {
            if (info.MaskFill == fill.ToString())
                yield return (ContentKey, name);
        }

        if (info.MaskedOnly == true)
            yield return (AreaKey, OnlyMasked);
        if (info.InpaintMode != nameof(InpaintMode.Soft))
            yield break;
        yield return (SoftKey, bool.TrueString);
        foreach ((string key, Setting row) in s_soft)
            yield return (key, Convert.ToString(row.Get(info) ?? row.DefaultIn(info), CultureInfo.InvariantCulture)!);
    }

    /// <summary>Reads them back.</summary>
    /// <param name="info">The other settings.</param>
    /// <param name="reader">The texts.</param>
    /// <param name="isA1111">Whether A1111 wrote them, whose blending and steps are then the settings.</param>
    /// <param name="used">Receives the keys that were understood.</param>
    public static GenerationInfo Read(GenerationInfo info, SettingReader reader, bool isA1111, HashSet<string> used)
    {
        bool isInverted = Is(ModeKey, Inverted), isRegion = Is(AreaKey, OnlyMasked), isSoft = Is(SoftKey, bool.TrueString);
        string? content = reader.Text(ContentKey);
        MaskFill? fill = s_contents.Where(row => row.Name == content).Select(static row => (MaskFill?)row.Fill).FirstOrDefault();
        if (fill is not null)
            used.Add(ContentKey);
        info = info with
        {
            MaskInvert = isInverted ? true : null,
            MaskedOnly = isRegion ? true : null,
            MaskFill = fill?.ToString(),
            InpaintMode = !isA1111 ? info.InpaintMode : isSoft ? nameof(InpaintMode.Soft) : info.MaskBlur is not null || isInverted || isRegion || fill is not null ? nameof(InpaintMode.A1111) : null,
        };
        foreach ((string key, Setting row) in isSoft ? s_soft : [])
        {
            used.Add(key);
            if (reader.Number(key, row.Minimum!.Value, row.Maximum!.Value) is double value && !row.IsDefault(value))
                row.Set(info, value);
        }

        return info;

        bool Is(string key, string value)
        {
            bool isSame = string.Equals(reader.Text(key), value, StringComparison.OrdinalIgnoreCase);
            if (isSame)
                used.Add(key);
            return isSame;
        }
    }
}
