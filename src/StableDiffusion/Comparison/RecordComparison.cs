using System.Collections;
using System.Globalization;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Comparison;

/// <summary>What differs between the records of two images. Defaults count as not set, and files by their names without folders, as the files of images hold them.</summary>
internal sealed class RecordComparison
{
    private readonly GenerationInfo _reference;
    private readonly GenerationInfo _difference;

    /// <summary>Compares two records.</summary>
    /// <param name="reference">The record of the reference.</param>
    /// <param name="difference">The record of the other image.</param>
    public RecordComparison(GenerationInfo reference, GenerationInfo difference)
    {
        _reference = Normalize(reference);
        _difference = Normalize(difference);
        if (!HasReference || !HasDifference)
            return;

        SettingDifference[] whole = [.. Values(_reference).Zip(Values(_difference), static (a, b) => new SettingDifference(a.Name, a.Value, b.Value)).Where(static pair => !Equals(pair.ReferenceValue, pair.DifferenceValue))];
        Settings = [.. whole, .. StageComparison.Of(_reference.Stages, _difference.Stages).Where(stage => !whole.Any(setting => Says(setting, stage.Setting, stage.Difference))).Select(static stage => stage.Difference)];
    }

    /// <summary>Whether the reference says how it was made.</summary>
    public bool HasReference => _reference != new GenerationInfo();

    /// <summary>Whether the other image says how it was made.</summary>
    public bool HasDifference => _difference != new GenerationInfo();

    /// <summary>The settings that differ, in the order of the settings; empty if one of the images has none.</summary>
    public IReadOnlyList<SettingDifference> Settings { get; } = [];

    /// <summary>What can have made other pixels of the same settings.</summary>
    /// <returns>The end of a sentence.</returns>
    public string Cause()
    {
        string[] known = [.. new[] { Differing("the device", static made => made.Device), Differing("the number of threads", static made => made.ThreadText), Differing("the version of the module", static made => made.Module), Differing("the version of ONNX Runtime", static made => made.OnnxRuntime), Batches() }.OfType<string>()];
        if (known.Length > 0)
            return $"{string.Join(" and ", known)} differs";

        const string cause = "the device, the precision of the model, or the version of a part differs";
        return _reference.Strength is not null || _reference.ControlNets is not null
            ? $"an image that they were made from, {cause}"
            : cause;
    }

    private string? Batches()
    {
        string first = Of(_reference), second = Of(_difference);
        return _reference.Stages is null || _difference.Stages is null || first == second ? null : $"the batch on the device ({first} and {second})";

        static string Of(GenerationInfo info) => string.Join(", ", (info.Stages?.WithInputs() ?? []).Select(static stage => stage.Made?.Batch).OfType<string>().Distinct().DefaultIfEmpty("none"));
    }

    private string? Differing(string subject, Func<StageMaker, string?> value)
    {
        string first = Of(_reference), second = Of(_difference);
        return first.Length == 0 || second.Length == 0 || first == second ? null : $"{subject} ({first} and {second})";

        string Of(GenerationInfo info) => string.Join(", ", (info.Stages?.WithInputs() ?? []).Select(stage => stage.Made).OfType<StageMaker>().Select(value).OfType<string>().Distinct().Order(StringComparer.Ordinal).Select(static text => PrintableText.Of(text)));
    }

    // The settings of the whole are those of its last stages.
    private static bool Says(SettingDifference whole, string setting, SettingDifference stage) =>
        (whole.Name == setting || (whole.Name == nameof(GenerationInfo.NegativePrompt) && setting == nameof(GenerationInfo.Prompt)))
        && IsSame(whole.ReferenceValue, stage.ReferenceValue) && IsSame(whole.DifferenceValue, stage.DifferenceValue);

    /// <summary>Which settings of an image are not the expected ones. A setting that is not recorded has its default.</summary>
    /// <param name="info">The record of the image.</param>
    /// <param name="expected">The expected settings by name: numbers, texts, lists, and options by their names; null if it is not to be set. Case makes no difference.</param>
    /// <returns>The settings that differ, with the expected value as the reference.</returns>
    /// <exception cref="InvalidSettingException">There is no such setting.</exception>
    public static IReadOnlyList<SettingDifference> Unmet(GenerationInfo info, IEnumerable<KeyValuePair<string, object?>> expected)
    {
        GenerationInfo recorded = Normalize(info);
        Dictionary<string, object?> values = Values(recorded).ToDictionary(static setting => setting.Name, static setting => setting.Value, StringComparer.OrdinalIgnoreCase);
        List<SettingDifference> unmet = [];
        foreach ((string name, object? value) in expected)
        {
            if (!values.TryGetValue(name, out object? actual))
                throw new InvalidSettingException("Setting", $"There is no setting '{name}'.{(Spelling.Nearest(name, values.Keys) is string near ? $" Is it '{near}'?" : $" There are {Spelling.Choices([.. values.Keys])}.")}");

            object? wanted = value switch
            {
                IDictionary when !name.Equals(nameof(GeneratedObject.SchedulerOption), StringComparison.OrdinalIgnoreCase) =>
                    throw new InvalidSettingException("Setting", $"The expected value of the setting '{name}' is a hashtable, which only {nameof(GeneratedObject.SchedulerOption)} can have. Give a number, a text or a list."),
                IDictionary options => Text(SchedulerOptionText.Read(SchedulerOptionText.Write(options.Keys.Cast<object>().ToDictionary(static key => $"{key}", key => options[key])))),
                IEnumerable items and not string => Text(SettingList<object?>.Of([.. items])),
                _ => value,
            };
            object? effective = actual ?? SettingTable.Rows.FirstOrDefault(row => row.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.DefaultIn(recorded);
            if (!IsSame(actual, wanted) && !IsSame(effective, wanted))
                unmet.Add(new SettingDifference(name, wanted, actual));
        }

        return unmet;
    }

    // A text can stand for a number, and a whole number for one with a fraction.
    private static bool IsSame(object? actual, object? wanted) =>
        string.Equals(Text(actual), Text(wanted), StringComparison.OrdinalIgnoreCase)
        || (actual is not (null or string) && decimal.TryParse(Text(actual), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number)
            && decimal.TryParse(Text(wanted), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal other) && number == other);

    private static GenerationInfo Normalize(GenerationInfo info) => RecordedNames.WithoutImages(RecordedNames.Only(SettingTable.WithoutDefaults(info)), []);

    private static IEnumerable<(string Name, object? Value)> Values(GenerationInfo info)
    {
        foreach (Setting row in SettingTable.Rows)
        {
            yield return row.Name switch
            {
                nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion) => (row.Name, Text(SettingList<string>.Of(TextList.Read((string?)row.Get(info))))),
                nameof(GenerationInfo.SchedulerOptions) => (nameof(GeneratedObject.SchedulerOption), Text(SchedulerOptionText.Read(info.SchedulerOptions))),
                _ => (row.Name, row.Get(info) is var value and not "" ? value : null),
            };
        }

        yield return (nameof(GenerationInfo.LoraHashes), info.LoraHashes);
        yield return (nameof(GenerationInfo.TextualInversionHashes), info.TextualInversionHashes);
        yield return (nameof(GeneratedObject.ControlNet), Each(static net => net.Name));
        yield return ("ControlNetHash", Each(static net => net.Hash));
        yield return (nameof(GeneratedObject.ControlPreprocessor), Each(static net => net.Preprocessor));
        yield return (nameof(GeneratedObject.ControlScale), Each(static net => net.Scale));
        yield return (nameof(GeneratedObject.ControlStart), Each(static net => net.Start));
        yield return (nameof(GeneratedObject.ControlEnd), Each(static net => net.End));

        string? Each(Func<ControlNetInfo, object?> setting) => Text(ControlNetInfo.Each(info.ControlNets, setting));
    }

    /// <summary>A value in the form that a cell of a table has; an empty text is none.</summary>
    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
}
