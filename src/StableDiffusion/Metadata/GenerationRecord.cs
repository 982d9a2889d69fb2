using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Prompts;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>
/// All settings of an image, in full precision, as this library's files contain them beside the text that other
/// tools read: JSON with the members of <see cref="GenerationInfo"/> that are not null.
/// </summary>
internal static class GenerationRecord
{
    // The additions of the pipeline follow the setting that they belong to; the model's hash and the stages are last.
    private static readonly (string Name, string? Setting)[] s_added =
    [
        (nameof(GenerationInfo.ControlNets), nameof(GenerationInfo.ResizeMode)),
        (nameof(GenerationInfo.LoraHashes), nameof(GenerationInfo.Lora)),
        (nameof(GenerationInfo.TextualInversionHashes), nameof(GenerationInfo.TextualInversion)),
        (nameof(GenerationInfo.VaeHash), nameof(GenerationInfo.Vae)),
        (nameof(GenerationInfo.ModelHash), null),
        (nameof(GenerationInfo.Stages), null),
    ];

    private static readonly JsonSerializerOptions s_options = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { Arrange } },
    };

    /// <summary>Writes the record.</summary>
    /// <param name="info">The settings of the image.</param>
    /// <returns>JSON of only ASCII characters; empty if no setting is known.</returns>
    public static string Write(GenerationInfo info) => info == new GenerationInfo() ? string.Empty : JsonSerializer.Serialize(info, s_options);

    /// <summary>Reads a record.</summary>
    /// <param name="json">The text.</param>
    /// <returns>The settings of the image; null if the text is not such a record.</returns>
    public static GenerationInfo? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<GenerationInfo>(json, s_options);
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            // Half a surrogate pair is an ArgumentException.
            return null;
        }
    }

    private static void Arrange(JsonTypeInfo type)
    {
        if (type.Type != typeof(GenerationInfo))
            return;

        foreach ((string name, string? setting) in s_added)
        {
            JsonPropertyInfo added = type.Properties.Single(property => property.Name == name);
            type.Properties.Remove(added);
            type.Properties.Insert(setting is null ? type.Properties.Count : type.Properties.IndexOf(type.Properties.Single(property => property.Name == setting)) + 1, added);
        }
    }

    /// <summary>Removes the settings of a record that cannot be used.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="warnings">Receives a warning for each.</param>
    /// <returns>The other settings.</returns>
    public static GenerationInfo Usable(GenerationInfo info, ICollection<string> warnings) => SettingTable.Only(info, (row, value) =>
    {
        if (IsUsable(row, value))
            return true;

        warnings.Add(SettingReader.Ignored(row.Name, Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty));
        return false;
    });

    private static bool IsUsable(Setting row, object value)
    {
        try
        {
            row.Check(value);
            return row.Name switch
            {
                nameof(GenerationInfo.PromptSyntax) => IsWord<PromptSyntax>(),
                nameof(GenerationInfo.Emphasis) => IsWord<EmphasisMode>(),
                nameof(GenerationInfo.RandomSource) => IsWord<RandomSource>(),
                nameof(GenerationInfo.Background) => BackgroundColor.Parse((string)value) is var _,
                nameof(GenerationInfo.ResizeMode) => IsWord<ResizeMode>(),
                nameof(GenerationInfo.VaeTiling) => IsWord<VaeTiling>(),
                nameof(GenerationInfo.InpaintMode) => IsWord<InpaintMode>(),
                nameof(GenerationInfo.MaskFill) => IsWord<MaskFill>(),
                nameof(GenerationInfo.StrengthRule) => IsWord<StrengthRule>(),
                nameof(GenerationInfo.Tiling) => IsWord<Tiling>(),
                nameof(GenerationInfo.DiffusionTiling) => IsWord<DiffusionTiling>(),
                nameof(GenerationInfo.RefinerMode) => IsWord<RefinerMode>(),
                nameof(GenerationInfo.SchedulerOptions) => SchedulerOptionText.Read((string)value) is not null,
                nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion) => TextList.Read((string)value) is not null,
                _ => value is not int number || number >= (row.Minimum ?? 0),
            };
        }
        catch (InvalidSettingException)
        {
            return false;
        }

        bool IsWord<T>()
            where T : struct, Enum => EnumSetting.ParseOrNull<T>(row.Name, (string)value) is not null;
    }
}
