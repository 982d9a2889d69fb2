using StableDiffusion.Metadata.Keys;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Metadata;

/// <summary>Reads metadata in the form of an infotext: from A1111, stable-diffusion.cpp, and savers for ComfyUI.</summary>
internal static class InfotextMetadata
{
    // This library's files have a record of their own; without it, their text is recognized by its version, or by this
    // without one.
    private const string OwnRandomSource = "CPU";

    private const string VaeKey = "VAE";

    private const string CppVersion = "Version: stable-diffusion.cpp";
    private const string CppJsonMark = ", SDCPP: {";

    // The names of the scheduler options for A1111's settings.
    private static readonly Dictionary<string, string> s_schedulerOptions = new(StringComparer.Ordinal)
    {
        ["Eta"] = "eta",
        ["Eta DDIM"] = "eta",
        ["Sigma churn"] = "s_churn",
        ["Sigma tmin"] = "s_tmin",
        ["Sigma tmax"] = "s_tmax",
        ["Sigma noise"] = "s_noise",
        ["Schedule rho"] = "rho",
        ["Schedule min sigma"] = "sigma_min",
        ["Schedule max sigma"] = "sigma_max",
        ["SGM noise multiplier"] = "sgm_noise_multiplier",
        ["Discard penultimate sigma"] = "discard_next_to_last_sigma",
    };

    // Those of the table, those that are read below, and those that do not affect the image.
    private static readonly HashSet<string> s_understood = new(SettingTable.Rows.Where(static row => !row.IsOwnKey).Select(static row => row.Key).OfType<string>(), StringComparer.Ordinal)
    {
        "Sampler", "Schedule type", "Size-1", "Size-2", "RNG", "Seed resize from-1", "Seed resize from-2",
        "Version", "User", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Init image hash", "Emphasis", "SDCPP", "TE", "Unet", "Guidance", Infotext.TilingKey, Infotext.StagesKey,
    };

    /// <summary>Reads the text.</summary>
    /// <param name="text">The infotext.</param>
    /// <param name="hasGraph">Whether the file also contains a graph of ComfyUI.</param>
    /// <param name="warnings">Receives warnings about what is not supported.</param>
    /// <returns>The metadata.</returns>
    public static ImageMetadata Read(string text, bool hasGraph, ICollection<string> warnings)
    {
        (GenerationParameters parameters, bool isCpp) = Parse(text);
        IReadOnlyDictionary<string, string> settings = parameters.Settings;
        SettingReader reader = new(settings, warnings);
        string version = reader.Text("Version") ?? "";
        MetadataSource source = isCpp ? MetadataSource.StableDiffusionCpp
            : ProductVersion.IsOwn(version) ? MetadataSource.PowerShell
            : hasGraph || version.StartsWith("ComfyUI", StringComparison.OrdinalIgnoreCase) ? MetadataSource.ComfyUI
            : version.Length == 0 && reader.Text("RNG") == OwnRandomSource ? MetadataSource.PowerShell
            : MetadataSource.A1111;

        // With a second pass it is the strength of that pass; stable-diffusion.cpp writes it only in that case.
        bool hasHires = isCpp || settings.Keys.Any(static name => name.StartsWith("Hires", StringComparison.Ordinal) || name.StartsWith(TileTexts.UpscalePrefix, StringComparison.Ordinal));
        double? strength = hasHires ? null : reader.Number("Denoising strength", maximum: 1);
        if (strength is not null)
            warnings.Add("The image was made from another image, which the file does not contain. Give that image to make it again.");

        HashSet<string> used = strength is null ? [] : ["Denoising strength"];
        HiresSettings? hires = ReadHires(reader, source, used, warnings);
        bool isOfTile = source != MetadataSource.PowerShell && hires?.HiresTileSize is not null;
        DetailSettings? detail = DetailTexts.Read(
            SettingTable.Create<GenerationInfo>(row => row.Key?.StartsWith("ADetailer ", StringComparison.Ordinal) == true ? ReadRow(row, reader, source, used) : null).Detail,
            reader,
            source == MetadataSource.PowerShell,
            used,
            (sampler, schedule) => SamplerNames.Resolve(sampler, schedule, source != MetadataSource.PowerShell, warnings).Name);
        (string? scheduler, Dictionary<string, object?> schedulerOptions) = ReadScheduler(reader, source, used, warnings);
        GenerationInfo info = SettingTable.Create<GenerationInfo>(row => ReadRow(row, reader, source, used)) with
        {
            Prompt = parameters.Prompt,
            NegativePrompt = parameters.NegativePrompt,
            Scheduler = scheduler,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            SeedResizeWidth = reader.Count("Seed resize from-1"),
            SeedResizeHeight = reader.Count("Seed resize from-2"),
            // To A1111's SD upscale, the size is that of a tile.
            Width = isOfTile ? null : reader.Count("Size-1"),
            Height = isOfTile ? null : reader.Count("Size-2"),
            Strength = strength,
            Hires = hires,
            Detail = detail,
            ResizeMode = source == MetadataSource.PowerShell ? ReadResizeMode(reader, used) : null,
            Tiling = ReadTiling(reader, source, used),
            GuidanceSigmaMin = ReadSigmaMin(reader, used),
            Refiner = ReadRefiner(reader, used),
            RefinerMode = reader.Text("Refiner") is null ? null : source == MetadataSource.PowerShell ? EnumWord<RefinerMode>(reader.Text("Refiner mode")) : nameof(RefinerMode.A1111),
            PromptSyntax = source switch
            {
                MetadataSource.ComfyUI => "ComfyUI",
                MetadataSource.PowerShell when reader.Text("Emphasis") is null => null,
                _ => "A1111",
            },
            Emphasis = reader.Text("Emphasis")?.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant() switch
            {
                "NONORM" => "NoNorm",
                "IGNORE" => "Ignore",
                "NONE" => "None",
                _ => null,
            },
        };
        info = InpaintTexts.Read(info, reader, source == MetadataSource.A1111, used);
        info = TileTexts.ReadWindows(info, reader, used, warnings);
        WarnOfPromptFiles(parameters, warnings);
        if (source != MetadataSource.PowerShell && reader.Text(VaeKey) is string vae && used.Add(VaeKey))
            warnings.Add($"The image was made with the VAE '{SettingReader.Shorten(vae)}'. The model's own is used unless you choose that one.");
        WarnOfOthers(settings, used, warnings);
        return new ImageMetadata(source, info, RandomSource(reader, source, info.Seed, warnings)) { Settings = settings };
    }

    /// <summary>Reads the second pass, whose strength has the key of the other one.</summary>
    private static HiresSettings? ReadHires(SettingReader reader, MetadataSource source, HashSet<string> used, ICollection<string> warnings)
    {
        HiresSettings hires = SettingTable.Create<GenerationInfo>(row => row.Name.StartsWith("Hires", StringComparison.Ordinal) ? ReadRow(row, reader, source, used) : null).Hires ?? new();
        hires = TileTexts.ReadUpscale(hires with { HiresWidth = Side("Hires resize-1"), HiresHeight = Side("Hires resize-2") }, reader, source == MetadataSource.PowerShell, used, warnings);
        if (hires is { HiresScale: null, HiresWidth: null, HiresHeight: null, HiresTileSize: null })
            return null;

        used.UnionWith(["Denoising strength", "Hires resize-1", "Hires resize-2", "Hires sampler", "Hires schedule type", Infotext.HiresSchedulerKey]);
        string? sampler = source == MetadataSource.PowerShell ? reader.Text(Infotext.HiresSchedulerKey) : null;
        if (sampler is null && reader.Text("Hires sampler") is string other)
            sampler = SamplerNames.Resolve(other, reader.Text("Hires schedule type"), source != MetadataSource.PowerShell, warnings).Name;
        return hires with { HiresStrength = reader.Number("Denoising strength", maximum: 1), HiresScheduler = sampler };

        // A1111 writes 0 for a side that is not given.
        int? Side(string key) => reader.Text(key) == "0" ? null : reader.Count(key);
    }

    // stable-diffusion.cpp ends the line with unquoted JSON, in whose prompts the parser would find settings.
    private static (GenerationParameters Parameters, bool IsCpp) Parse(string text)
    {
        string stripped = PythonText.Strip(text).ToString();
        int lastLine = stripped.LastIndexOf('\n') + 1;
        int version = stripped.IndexOf(CppVersion, lastLine, StringComparison.Ordinal);
        if (version < 0)
            return (InfotextParser.Parse(stripped), false);

        int mark = version + CppVersion.Length;
        if (!stripped.AsSpan(mark).StartsWith(CppJsonMark))
            return (InfotextParser.Parse(stripped), true);

        GenerationParameters parameters = InfotextParser.Parse(stripped[..mark]);
        string json = stripped[(mark + CppJsonMark.Length - 1)..];
        return (new GenerationParameters(parameters.Prompt, parameters.NegativePrompt, [.. parameters.Settings, new("SDCPP", json)]), true);
    }

    private static (string? Name, Dictionary<string, object?> Options) ReadScheduler(SettingReader reader, MetadataSource source, HashSet<string> used, ICollection<string> warnings)
    {
        if (reader.Text("Sampler") is not string sampler)
            return (null, []);

        string? schedule = reader.Text("Schedule type");
        if (source == MetadataSource.StableDiffusionCpp && sampler.Split(' ', 2, StringSplitOptions.TrimEntries) is [string first, string second])
            (sampler, schedule) = (first, second);
        if (source == MetadataSource.PowerShell && reader.Text(Infotext.SchedulerKey) is string whole)
        {
            (sampler, schedule) = (whole, null);
            used.Add(Infotext.SchedulerKey);
        }

        (string name, SchedulerInfo? info, Dictionary<string, object?> options) = SamplerNames.Resolve(sampler, schedule, source != MetadataSource.PowerShell, warnings);
        foreach ((string setting, string optionName) in s_schedulerOptions)
        {
            if (reader.Text(setting) is string text && info?.Options.FirstOrDefault(option => option.Name == optionName) is SchedulerOption option
                && option.TryParse(text, out object value))
            {
                options[optionName] = value;
                used.Add(setting);
            }
        }

        return (name, options);
    }

    private static object? ReadRow(Setting row, SettingReader reader, MetadataSource source, HashSet<string> used)
    {
        if (row.Key is null || (row.IsOwnKey && source != MetadataSource.PowerShell))
            return null;

        used.Add(row.Key);
        return reader.Read(row);
    }

    private static string? ReadResizeMode(SettingReader reader, HashSet<string> used)
    {
        if (!Enum.TryParse(reader.Text(Infotext.ResizeModeKey), out ResizeMode mode) || mode is not (ResizeMode.Stretch or ResizeMode.Crop or ResizeMode.Pad or ResizeMode.Fill))
            return null;

        used.Add(Infotext.ResizeModeKey);
        return mode.ToString();
    }

    private static string? ReadTiling(SettingReader reader, MetadataSource source, HashSet<string> used)
    {
        if (!string.Equals(reader.Text(Infotext.TilingKey), "True", StringComparison.OrdinalIgnoreCase))
            return null;
        if (source != MetadataSource.PowerShell || reader.Text(Infotext.TilingAxisKey) is not (nameof(Tiling.X) or nameof(Tiling.Y)))
            return nameof(Tiling.Both);

        used.Add(Infotext.TilingAxisKey);
        return reader.Text(Infotext.TilingAxisKey);
    }

    // Without the second key, A1111 leaves out the guidance of every second step only.
    private static double? ReadSigmaMin(SettingReader reader, HashSet<string> used)
    {
        if (!string.Equals(reader.Text(Infotext.AllStepsKey), "True", StringComparison.OrdinalIgnoreCase) || reader.Number(Infotext.SigmaMinKey, maximum: double.MaxValue) is not double sigma)
            return null;

        used.UnionWith([Infotext.SigmaMinKey, Infotext.AllStepsKey]);
        return sigma;
    }

    // A1111 writes the hash of the model after its name.
    private static string? ReadRefiner(SettingReader reader, HashSet<string> used)
    {
        if (reader.Text("Refiner") is not string refiner)
            return null;

        used.Add("Refiner");
        int hash = refiner.LastIndexOf(" [", StringComparison.Ordinal);
        return hash > 0 && refiner.EndsWith(']') ? refiner[..hash] : refiner;
    }

    private static string? EnumWord<T>(string? text)
        where T : struct, Enum => Enum.TryParse(text, out T word) && Enum.IsDefined(word) && !Equals(word, default(T)) ? word.ToString() : null;

    // By default, A1111 and stable-diffusion.cpp draw the noise on the GPU; ComfyUI always draws it on the CPU.
    private static string? RandomSource(SettingReader reader, MetadataSource source, long? seed, ICollection<string> warnings)
    {
        if (seed is null)
            return null;
        if (source == MetadataSource.ComfyUI)
            return "TorchCpu";

        switch (reader.Text("RNG")?.ToUpperInvariant())
        {
            case null or "GPU" or "NV" or "CUDA":
                return "Cuda";
            case "CPU":
                return "TorchCpu";
            default:
                warnings.Add($"The random number generator '{reader.Text("RNG")}' is not supported; the image will differ.");
                return null;
        }
    }

    private static void WarnOfPromptFiles(GenerationParameters parameters, ICollection<string> warnings)
    {
        foreach (string mark in (ReadOnlySpan<string>)["<lora:", "<lyco:", "<hypernet:"])
        {
            if (parameters.Prompt.Contains(mark, StringComparison.OrdinalIgnoreCase) || parameters.NegativePrompt.Contains(mark, StringComparison.OrdinalIgnoreCase))
                warnings.Add($"The prompt names files with '{mark}…>', without which the image cannot be made again.");
        }
    }

    private static void WarnOfOthers(IReadOnlyDictionary<string, string> settings, HashSet<string> used, ICollection<string> warnings)
    {
        List<string> others = [.. settings
            .Where(setting => !s_understood.Contains(setting.Key) && !used.Contains(setting.Key))
            .Select(setting => $"{setting.Key}: {SettingReader.Shorten(setting.Value)}")];
        if (others.Count > 0)
            warnings.Add($"These settings are not supported and were ignored: {string.Join(", ", others)}.");
    }
}
