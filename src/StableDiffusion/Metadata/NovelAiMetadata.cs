using System.Text.Json;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>Reads the metadata of NovelAI: several texts, of which <c>Comment</c> is JSON with the settings.</summary>
internal static class NovelAiMetadata
{
    /// <summary>Reads the texts, if they are NovelAI's.</summary>
    /// <param name="texts">The file's texts by name.</param>
    /// <param name="warnings">Receives warnings about what is not supported.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The metadata; null if they are from another tool.</returns>
    public static ImageMetadata? Read(IReadOnlyDictionary<string, string> texts, ICollection<string> warnings, CancellationToken cancellationToken)
    {
        // In WebP and JPEG files the user comment contains all texts as JSON.
        if (texts.TryGetValue("UserComment", out string? comment) && JsonText.ParseObject(comment, cancellationToken) is JsonDocument whole)
        {
            using (whole)
                texts = JsonText.Texts(whole.RootElement);
        }

        if (!texts.TryGetValue("Software", out string? software) || !software.StartsWith("NovelAI", StringComparison.OrdinalIgnoreCase))
            return null;

        using JsonDocument? settings = texts.TryGetValue("Comment", out string? json) ? JsonText.ParseObject(json, cancellationToken) : null;
        if (settings is not null)
            return Read(texts, JsonText.Texts(settings.RootElement), warnings);

        warnings.Add("NovelAI's settings are missing or damaged; only the prompt was read.");
        return new ImageMetadata(MetadataSource.NovelAI, new GenerationInfo { Prompt = texts.GetValueOrDefault("Description") });
    }

    private static ImageMetadata Read(IReadOnlyDictionary<string, string> texts, OrderedDictionary<string, string> settings, ICollection<string> warnings)
    {
        SettingReader reader = new(settings, warnings);
        bool isFromPicture = reader.Text("request_type")?.StartsWith("Img2Img", StringComparison.OrdinalIgnoreCase) ?? false;
        (string? scheduler, _, Dictionary<string, object?>? schedulerOptions) = reader.Text("sampler") is string sampler
            ? SamplerNames.Resolve(sampler, reader.Text("noise_schedule"), isKDiffusion: true, warnings)
            : default;
        GenerationInfo info = new()
        {
            Prompt = reader.Text("prompt") ?? texts.GetValueOrDefault("Description"),
            NegativePrompt = reader.Text("uc"),
            Steps = reader.Count("steps"),
            Scheduler = scheduler,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            GuidanceScale = reader.Number("scale"),
            GuidanceRescale = reader.Number("cfg_rescale", maximum: 1),
            Seed = reader.Seed("seed"),
            Width = reader.Count("width"),
            Height = reader.Count("height"),
            Model = texts.GetValueOrDefault("Source"),
            Strength = isFromPicture ? reader.Number("strength", maximum: 1) : null,
        };

        warnings.Add("NovelAI's models and noise are not available; the settings make an image, but not the same one.");
        if (isFromPicture)
            warnings.Add("The image was made from another image, which the file does not contain. Give that image to make it again.");
        if ($"{info.Prompt}{info.NegativePrompt}".AsSpan().ContainsAny('{', '[') || $"{info.Prompt}{info.NegativePrompt}".Contains("::", StringComparison.Ordinal))
            warnings.Add("NovelAI has another syntax for weights ({}, [], 1.5::word::); the prompt is not converted.");
        if (reader.Text("sm") == "true" || reader.Text("sm_dyn") == "true")
            warnings.Add("NovelAI's SMEA sampling is not supported and was ignored.");

        settings.Remove("prompt");
        settings.Remove("uc");
        return new ImageMetadata(MetadataSource.NovelAI, info) { Settings = settings };
    }
}
