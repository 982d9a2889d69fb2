using System.Text.Json;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>Reads the metadata of InvokeAI since version 3: JSON named <c>invokeai_metadata</c>.</summary>
internal static class InvokeAiMetadata
{
    /// <summary>Reads the text.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="warnings">Receives warnings about what is not supported.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The metadata; null if the text is not JSON.</returns>
    public static ImageMetadata? Read(string text, ICollection<string> warnings, CancellationToken cancellationToken)
    {
        using JsonDocument? document = JsonText.ParseObject(text, cancellationToken);
        if (document is null)
            return null;

        OrderedDictionary<string, JsonElement> root = JsonText.Members(document.RootElement);
        OrderedDictionary<string, string> settings = JsonText.Texts(document.RootElement);
        SettingReader reader = new(settings, warnings);
        JsonElement model = root.GetValueOrDefault("model");
        string mode = reader.Text("generation_mode") ?? "";
        GenerationInfo info = new()
        {
            Prompt = reader.Text("positive_prompt"),
            NegativePrompt = reader.Text("negative_prompt"),
            Steps = reader.Count("steps"),
            Scheduler = Scheduler(reader, warnings),
            GuidanceScale = reader.Number("cfg_scale"),
            GuidanceRescale = reader.Number("cfg_rescale_multiplier", maximum: 1),
            Seed = reader.Seed("seed"),
            Width = reader.Count("width"),
            Height = reader.Count("height"),
            Model = JsonText.Text(model, "name") ?? JsonText.Text(model, "model_name"),
            ClipSkip = reader.Text("clip_skip") is null or "0" ? null : reader.Count("clip_skip") + 1,
            Strength = mode.EndsWith("txt2img", StringComparison.Ordinal) ? null : reader.Number("strength", maximum: 1),
        };
        if (info.Strength is not null)
            warnings.Add("The image was made from another image, which the file does not contain. Give that image to make it again.");
        foreach (string part in (ReadOnlySpan<string>)["loras", "controlnets", "ipAdapters", "t2iAdapters"])
        {
            if (root.TryGetValue(part, out JsonElement list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0)
                warnings.Add($"The '{part}' of InvokeAI are not supported and were ignored.");
        }

        bool isCpu = reader.Text("rand_device") is null or "cpu";
        settings.Remove("positive_prompt");
        settings.Remove("negative_prompt");
        return new ImageMetadata(MetadataSource.InvokeAI, info, info.Seed is null ? null : isCpu ? "TorchCpu" : "Cuda") { Settings = settings };
    }

    // A name with the suffix _k means Karras' schedule.
    private static string? Scheduler(SettingReader reader, ICollection<string> warnings)
    {
        if (reader.Text("scheduler") is not string name)
            return null;

        bool isKarras = name.EndsWith("_k", StringComparison.Ordinal);
        return SamplerNames.Resolve(isKarras ? name[..^2] : name, isKarras ? "karras" : null, isKDiffusion: false, warnings).Name;
    }
}
