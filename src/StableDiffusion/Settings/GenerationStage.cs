using System.Collections.ObjectModel;
using System.Globalization;
using StableDiffusion.Settings.Merging;

namespace StableDiffusion.Settings;

/// <summary>
/// One stage of how an image, a latent or an embedding was made: an operation on the result of the stage before it, if there is
/// one, with its settings and its other inputs.
/// </summary>
public sealed class GenerationStage
{
    private const int LongestPrompt = 60;

    // Those of a generation, and those of stages alone. A background is a color, and was a gray value in older records.
    private static readonly Dictionary<string, Type> s_types = SettingTable.Rows.Where(static row => row.Name != nameof(GenerationSettings.Background)).Select(static row => (row.Name, row.Type))
        .Concat(new[] { "StartStep", "StopStep", "Timestep", "TileSize", "TileOverlap", "Left", "Top", "Right", "Bottom", "Feather", "LowThreshold", "HighThreshold", "Sigma", "Padding", "Columns", "Rows", "Gap", "Delay", "Loop" }.Select(static name => (name, typeof(int))))
        .Concat(new[] { "DenoisingStart", "Scale", "NoiseSigma", "CleanScale", "NoiseScale", MergeStage.RatioSetting }.Select(static name => (name, typeof(double))))
        .Concat(new[] { "Path", "Preprocessor", "Rounding", "Mode", "Fill", "Upscaler", "Colors" }.Select(static name => (name, typeof(string))))
        .ToDictionary(static pair => pair.Item1, static pair => Nullable.GetUnderlyingType(pair.Item2) ?? pair.Item2, StringComparer.Ordinal);

    /// <summary>The operation: one of <see cref="StageOperation"/>.</summary>
    public required string Operation { get; init; }

    /// <summary>
    /// The settings by name: texts, numbers (<see cref="long"/> or <see cref="double"/>), truth values, or lists of texts or
    /// numbers. Settings at their defaults are left out.
    /// </summary>
    public IReadOnlyDictionary<string, object> Settings { get; init; } = ReadOnlyDictionary<string, object>.Empty;

    /// <summary>What the operation was applied to besides the result of the stage before it, by name: one or more, each with the stages that made it.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<StageList>> Inputs { get; init; } = ReadOnlyDictionary<string, IReadOnlyList<StageList>>.Empty;

    /// <summary>The first 16 hexadecimal digits of the SHA-256 of the result: the pixels of an image, or the numbers of a latent or an embedding. Null if unknown.</summary>
    public string? Output { get; init; }

    /// <summary>The versions and the device that the stage ran on; null if the result does not depend on them, or unknown.</summary>
    public StageMaker? Made { get; init; }

    /// <summary>How deep inputs are nested in inputs; 0 without inputs.</summary>
    internal int Depth => Inputs.Values.SelectMany(static lists => lists).Select(static list => list.Depth + 1).DefaultIfEmpty(0).Max();

    /// <summary>The number of stages with those of all inputs.</summary>
    internal int Count => 1 + Inputs.Values.SelectMany(static lists => lists).Sum(static list => list.TotalCount);

    /// <summary>The stages that made an input.</summary>
    /// <param name="name">The input.</param>
    /// <returns>The stages; null if there is no such input.</returns>
    internal StageList? Input(string name) => Inputs.TryGetValue(name, out IReadOnlyList<StageList>? lists) && lists.Count > 0 ? lists[0] : null;

    /// <summary>A setting that is a text.</summary>
    /// <param name="name">The setting.</param>
    /// <returns>The text; null if there is none.</returns>
    internal string? Text(string name) => Settings.GetValueOrDefault(name) as string;

    /// <summary>A setting that is a number.</summary>
    /// <typeparam name="T">The type of the number.</typeparam>
    /// <param name="name">The setting.</param>
    /// <returns>The number; null if there is none, or it does not fit the type.</returns>
    internal T? Number<T>(string name)
        where T : struct => Settings.TryGetValue(name, out object? value) && To(value, typeof(T)) is T number ? number : null;

    /// <summary>The settings of a denoising or a prompt.</summary>
    /// <typeparam name="T">Their type.</typeparam>
    internal T To<T>()
        where T : GenerationSettings, new() => SettingTable.Create<T>(row => Settings.TryGetValue(row.Name, out object? value) ? To(value, row.Type) : null);

    /// <summary>Throws for a setting whose value cannot be read as what it is.</summary>
    /// <exception cref="NotRepeatableException">There is such a setting.</exception>
    internal void CheckTypes()
    {
        foreach ((string name, object value) in Settings)
        {
            if (s_types.TryGetValue(name, out Type? type) && To(value, type) is null)
                throw new NotRepeatableException($"The record says {InWords(value)} for {name} of the stage {PrintableText.Of(Operation)}, which is not {(type == typeof(string) ? "a text" : type == typeof(bool) ? "true or false" : "such a number")}. It is damaged.");
        }
    }

    /// <summary>The stage in words.</summary>
    /// <returns>The operation with its settings.</returns>
    public override string ToString()
    {
        string settings = string.Join(", ", Settings.Select(static setting => $"{setting.Key} {InWords(setting.Value)}"));
        return settings.Length == 0 ? Operation : $"{Operation} ({settings})";
    }

    /// <summary>The stage in a few words.</summary>
    internal string InWords()
    {
        if (Operation == StageOperation.ReadImage)
            return $"{Operation} '{Text("Path")}'";
        if (Operation is not (StageOperation.Denoise or StageOperation.EncodePrompt or StageOperation.MergeEmbeddings or StageOperation.MergeLatents))
            return Operation;
        string? subject = Operation == StageOperation.Denoise ? Input("Embedding")?.LastOrDefault()?.SubjectInWords() : SubjectInWords();
        return $"{Operation}{(subject is null ? string.Empty : $" {subject}")}{(Number<int>("StopStep") is int step ? $" to step {step}" : string.Empty)}";
    }

    /// <summary>What a prompt or a merge is of, in a few words; null if unknown.</summary>
    internal string? SubjectInWords() => Operation switch
    {
        StageOperation.MergeEmbeddings or StageOperation.MergeLatents => MergeStage.InWords(this),
        _ when Text(nameof(GenerationSettings.Prompt)) is string prompt => $"'{(prompt.Length > LongestPrompt ? prompt[..LongestPrompt] + "…" : prompt)}'",
        _ => null,
    };

    private static object? To(object value, Type type)
    {
        if (type.IsInstanceOfType(value))
            return value;

        // A part of a step would be rounded.
        if (value is double number && (type == typeof(int) || type == typeof(long)) && !double.IsInteger(number))
            return null;
        try
        {
            return value is long or double && type != typeof(string) ? Convert.ChangeType(value, type, CultureInfo.InvariantCulture) : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static string InWords(object value) => value switch
    {
        string text => $"'{text}'",
        System.Collections.IEnumerable list => string.Join(' ', list.Cast<object>().Select(InWords)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
