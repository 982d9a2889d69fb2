namespace StableDiffusion.Images.Metadata;

/// <summary>Reads the metadata that is an infotext: A1111's, stable-diffusion.cpp's, and that of savers for ComfyUI.</summary>
internal static class InfotextMetadata
{
    private const string CppVersion = "Version: stable-diffusion.cpp";
    private const string CppJsonMark = ", SDCPP: {";

    // Those that are used below, and those that say nothing of how to make the picture.
    private static readonly HashSet<string> s_understood = new(StringComparer.Ordinal)
    {
        "Steps", "Sampler", "Schedule type", "CFG scale", "CFG rescale", "Seed", "Size-1", "Size-2", "Model", "Model hash", "Clip skip", "RNG",
        "Variation seed", "Variation seed strength", "Seed resize from-1", "Seed resize from-2", "ENSD",
        "Version", "User", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Init image hash", "Emphasis", "SDCPP", "TE", "Unet", "Guidance",
    };

    /// <summary>Reads the text.</summary>
    /// <param name="text">The infotext.</param>
    /// <param name="hasGraph">Whether the file holds a graph of ComfyUI, too.</param>
    /// <param name="warnings">Receives what cannot be honoured.</param>
    /// <returns>The metadata.</returns>
    public static ImageMetadata Read(string text, bool hasGraph, ICollection<string> warnings)
    {
        (GenerationParameters parameters, bool isCpp) = Parse(text);
        IReadOnlyDictionary<string, string> settings = parameters.Settings;
        SettingReader reader = new(settings, warnings);
        string version = reader.Text("Version") ?? "";
        MetadataSource source = isCpp ? MetadataSource.StableDiffusionCpp
            : hasGraph || version.StartsWith("ComfyUI", StringComparison.OrdinalIgnoreCase) ? MetadataSource.ComfyUI
            : MetadataSource.A1111;

        // With a second pass it is that one's strength; stable-diffusion.cpp writes it in that case only.
        bool hasHires = isCpp || settings.Keys.Any(name => name.StartsWith("Hires", StringComparison.Ordinal));
        double? strength = hasHires ? null : reader.Number("Denoising strength", maximum: 1);
        if (strength is not null)
            warnings.Add("The picture was made from another one, which the file does not hold. Give that one to make it again.");

        GenerationInfo info = new()
        {
            Prompt = parameters.Prompt,
            NegativePrompt = parameters.NegativePrompt,
            Steps = reader.Count("Steps"),
            Scheduler = Scheduler(reader, isCpp, warnings),
            GuidanceScale = reader.Number("CFG scale"),
            GuidanceRescale = reader.Number("CFG rescale", maximum: 1),
            Seed = reader.Seed("Seed"),
            VariationSeed = reader.Seed("Variation seed"),
            VariationStrength = reader.Number("Variation seed strength", maximum: 1),
            SeedResizeWidth = reader.Count("Seed resize from-1"),
            SeedResizeHeight = reader.Count("Seed resize from-2"),
            EtaNoiseSeedDelta = reader.Seed("ENSD"),
            Width = reader.Count("Size-1"),
            Height = reader.Count("Size-2"),
            Model = reader.Text("Model"),
            ModelHash = reader.Text("Model hash"),
            Strength = strength,
        };
        WarnOfPromptFiles(parameters, warnings);
        WarnOfOthers(settings, strength is not null, warnings);
        return new ImageMetadata
        {
            Source = source,
            Info = info,
            ClipSkip = reader.Count("Clip skip"),
            RandomSource = RandomSource(reader, source, info.Seed, warnings),
            PromptSyntax = source == MetadataSource.ComfyUI ? "ComfyUI" : "A1111",
            Settings = settings,
        };
    }

    // stable-diffusion.cpp ends the line with JSON that is not quoted, and the parser would find settings in its prompts.
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

    private static string? Scheduler(SettingReader reader, bool isCpp, ICollection<string> warnings)
    {
        if (reader.Text("Sampler") is not string sampler)
            return null;
        if (!isCpp)
            return SamplerNames.Resolve(sampler, reader.Text("Schedule type"), warnings);

        // One word for the sampler, and maybe one for the schedule.
        string[] words = sampler.Split(' ', 2, StringSplitOptions.TrimEntries);
        return SamplerNames.Resolve(words[0], words.Length > 1 ? words[1] : null, warnings);
    }

    // A1111 and stable-diffusion.cpp take the noise of the graphics card unless told; ComfyUI always takes the processor's.
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
                warnings.Add($"The random numbers of '{reader.Text("RNG")}' are not made here; the picture will differ.");
                return null;
        }
    }

    private static void WarnOfPromptFiles(GenerationParameters parameters, ICollection<string> warnings)
    {
        foreach (string mark in (ReadOnlySpan<string>)["<lora:", "<lyco:", "<hypernet:"])
        {
            if (parameters.Prompt.Contains(mark, StringComparison.OrdinalIgnoreCase) || parameters.NegativePrompt.Contains(mark, StringComparison.OrdinalIgnoreCase))
                warnings.Add($"The prompt names files by '{mark}…>', which the picture cannot be made again without.");
        }
    }

    private static void WarnOfOthers(IReadOnlyDictionary<string, string> settings, bool hasStrength, ICollection<string> warnings)
    {
        List<string> others = [.. settings
            .Where(setting => !s_understood.Contains(setting.Key) && !(hasStrength && setting.Key == "Denoising strength"))
            .Select(setting => $"{setting.Key}: {SettingReader.Shorten(setting.Value)}")];
        if (others.Count > 0)
            warnings.Add($"These settings have no counterpart here and are left out: {string.Join(", ", others)}.");
    }
}
