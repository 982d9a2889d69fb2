using StableDiffusion.Settings;

namespace StableDiffusion.Replaying;

/// <summary>Settings without stages, as other tools write them.</summary>
public static class FlatRecord
{
    private static readonly HashSet<string> s_ofPrompt = new(StringComparer.Ordinal)
    {
        nameof(GenerationInfo.PromptSyntax), nameof(GenerationInfo.Emphasis), nameof(GenerationInfo.ClipSkip), nameof(GenerationInfo.Lora),
        nameof(GenerationInfo.TextualInversion), nameof(GenerationInfo.Model),
    };

    /// <summary>The stages in a record or, if it has none, those that its settings mean.</summary>
    /// <param name="info">The record.</param>
    /// <returns>The stages.</returns>
    /// <inheritdoc cref="ToStages"/>
    public static StageList StagesOf(GenerationInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        return info.Stages ?? ToStages(info);
    }

    /// <summary>The stages that such settings mean: one image from noise.</summary>
    /// <param name="info">The settings.</param>
    /// <returns>The stages.</returns>
    /// <exception cref="NotRepeatableException">The image has no prompt, or was made from another image, which such settings do not name.</exception>
    public static StageList ToStages(GenerationInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (info.Prompt is null)
            throw new NotRepeatableException("There is no record of how this was made. Give a file as the program that made the image saved it, since other programs often leave the record out.");
        if (info.Strength is not null || info.ImageGuidanceScale is not null || info.ControlNets is { Count: > 0 })
            throw new NotRepeatableException("The image was made from another image, which its record does not name. Make it again from that image yourself.");

        if (info.Refiner is not null)
            throw new NotRepeatableException($"The image was made with the refiner '{PrintableText.Of(info.Refiner)}', which takes more than one stage. Make it again from its settings.");

        GenerationStage prompt = OfPrompt(info.Prompt);
        Dictionary<string, IReadOnlyList<StageList>> inputs = new(StringComparer.Ordinal) { ["Embedding"] = [new StageList(prompt)] };
        if (!string.IsNullOrEmpty(info.NegativePrompt))
            inputs["NegativeEmbedding"] = [new StageList(OfPrompt(info.NegativePrompt))];
        GenerationStage denoising = new()
        {
            Operation = StageOperation.Denoise,
            Settings = SettingsOf(row => row.Name is not (nameof(info.Prompt) or nameof(info.NegativePrompt) or nameof(info.VaeTiling) or nameof(info.VaeTileSize)) && (!s_ofPrompt.Contains(row.Name) || row.Name is nameof(info.Lora) or nameof(info.Model))),
            Inputs = inputs,
        };
        return new StageList(denoising, new GenerationStage { Operation = StageOperation.Decode, Settings = SettingsOf(static row => row.Name is nameof(GenerationInfo.VaeTiling) or nameof(GenerationInfo.VaeTileSize) or nameof(GenerationInfo.Vae) or nameof(GenerationInfo.VaeHash) or nameof(GenerationInfo.Tiling) or nameof(GenerationInfo.Model) or nameof(GenerationInfo.ModelHash)) });

        GenerationStage OfPrompt(string text)
        {
            OrderedDictionary<string, object> settings = SettingsOf(static row => s_ofPrompt.Contains(row.Name) || row.Name == nameof(GenerationInfo.ModelHash));
            settings.Insert(0, nameof(info.Prompt), text);
            return new GenerationStage { Operation = StageOperation.EncodePrompt, Settings = settings };
        }

        OrderedDictionary<string, object> SettingsOf(Func<Setting, bool> isIncluded) => new(
            SettingTable.Rows.Where(isIncluded).Select(row => (row.Name, Value: row.Get(info))).Where(static item => item.Value is not null).Select(static item => KeyValuePair.Create(item.Name, item.Value is int number ? (long)number : item.Value!)),
            StringComparer.Ordinal);
    }
}
