using System.Globalization;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata.Keys;

/// <summary>
/// The settings of images made in tiles, under the names of other tools: the extension Tiled Diffusion of A1111, its successor in
/// Forge, and A1111's script SD upscale.
/// </summary>
internal static class TileTexts
{
    /// <summary>Begins the names that A1111's script writes.</summary>
    public const string UpscalePrefix = "SD upscale";

    private const string UpscalerKey = $"{UpscalePrefix} upscaler";
    private const string TiledKey = "Tiled Diffusion";
    private const string MethodPart = "Method";
    private const string WidthPart = "Tile tile width";
    private const string HeightPart = "Tile tile height";
    private const string OverlapPart = "Tile Overlap";
    private const string BatchPart = "Tile batch size";
    private const string ForgePrefix = "multidiffusion_";

    // The extension counts in latent cells, of 8 pixels.
    private const int Cell = 8;

    private static readonly (DiffusionTiling Tiling, string Name)[] s_methods = [(DiffusionTiling.MultiDiffusion, "MultiDiffusion"), (DiffusionTiling.Mixture, "Mixture of Diffusers")];

    /// <summary>The settings as texts.</summary>
    /// <param name="info">The settings of the image.</param>
    public static IEnumerable<(string Key, string Value)> Of(GenerationInfo info)
    {
        foreach ((DiffusionTiling tiling, string name) in s_methods)
        {
            if (info.DiffusionTiling == tiling.ToString() && info is { DiffusionTileSize: int size, DiffusionTileOverlap: int overlap } && size % Cell == 0 && overlap % Cell == 0)
                yield return (TiledKey, string.Create(CultureInfo.InvariantCulture, $"{{'{MethodPart}': '{name}', '{WidthPart}': {size / Cell}, '{HeightPart}': {size / Cell}, '{OverlapPart}': {overlap / Cell}, '{BatchPart}': 1}}"));
        }

        if (info.Hires is { HiresTileSize: not null, HiresUpscaler: string upscaler })
            yield return (UpscalerKey, upscaler);
    }

    /// <summary>Reads the windows back.</summary>
    /// <param name="info">The other settings.</param>
    /// <param name="reader">The texts.</param>
    /// <param name="used">Receives the keys that were understood.</param>
    /// <param name="warnings">Receives a warning for windows that are not square.</param>
    public static GenerationInfo ReadWindows(GenerationInfo info, SettingReader reader, HashSet<string> used, ICollection<string> warnings)
    {
        string? method, width, height, overlap;
        int unit;
        if (reader.Text(TiledKey) is string text)
        {
            (method, width, height, overlap, unit) = (Part(text, MethodPart), Part(text, WidthPart), Part(text, HeightPart), Part(text, OverlapPart), Cell);
            used.Add(TiledKey);
        }
        else if (reader.Text($"{ForgePrefix}method") is string forge)
        {
            (method, width, height, overlap, unit) = (forge, reader.Text($"{ForgePrefix}tile_width"), reader.Text($"{ForgePrefix}tile_height"), reader.Text($"{ForgePrefix}tile_overlap"), 1);
            used.UnionWith(((string[])["enabled", "method", "tile_width", "tile_height", "tile_overlap", "tile_batch_size"]).Select(static name => ForgePrefix + name));
        }
        else
        {
            return info;
        }

        DiffusionTiling tiling = s_methods.FirstOrDefault(row => row.Name.Equals(method, StringComparison.OrdinalIgnoreCase)).Tiling;
        int? longest = Pixels(width) is int across && Pixels(height) is int down ? Math.Max(across, down) : null;
        if (tiling == DiffusionTiling.None || longest is null)
        {
            warnings.Add($"The image was denoised in windows in the way '{SettingReader.Shorten(method ?? "?")}', which is not supported; it will differ.");
            return info;
        }

        if (Pixels(width) != Pixels(height))
            warnings.Add($"The image was denoised in windows of {Pixels(width)}x{Pixels(height)} pixels. Windows of {longest}x{longest} pixels are used; the image will differ.");
        return info with { DiffusionTiling = tiling.ToString(), DiffusionTileSize = longest, DiffusionTileOverlap = Pixels(overlap) };

        int? Pixels(string? number) => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= int.MaxValue / unit ? value * unit : null;
    }

    /// <summary>Reads what A1111's script says of an image that it enlarged in tiles.</summary>
    /// <param name="hires">The other settings of the second pass.</param>
    /// <param name="reader">The texts.</param>
    /// <param name="isOwn">Whether this library wrote them, which has a key of its own for the size of a tile; to A1111 it is the image's.</param>
    /// <param name="used">Receives the keys that were understood.</param>
    /// <param name="warnings">Receives a warning that the image was made from another one.</param>
    public static HiresSettings ReadUpscale(HiresSettings hires, SettingReader reader, bool isOwn, HashSet<string> used, ICollection<string> warnings)
    {
        if (reader.Text(UpscalerKey) is string upscaler)
        {
            used.Add(UpscalerKey);
            hires = hires with { HiresUpscaler = hires.HiresUpscaler ?? (upscaler == "None" ? null : upscaler) };
        }

        if (isOwn || hires.HiresTileOverlap is null || reader.Count("Size-1") is not int width || reader.Count("Size-2") is not int height)
            return hires;
        warnings.Add($"The image was made from another image, which the file does not contain, in tiles of {width}x{height} pixels. Give that image, and HiresScale, to make it again.");
        return hires with { HiresTileSize = Math.Max(width, height) };
    }

    /// <summary>A part of a dictionary as Python prints it.</summary>
    private static string? Part(string text, string name)
    {
        string mark = $"'{name}': ";
        int start = text.IndexOf(mark, StringComparison.Ordinal);
        if (start < 0)
            return null;
        start += mark.Length;
        int end = text.AsSpan(start).IndexOfAny(',', '}');
        return end < 0 ? null : text.Substring(start, end).Trim().Trim('\'');
    }
}
