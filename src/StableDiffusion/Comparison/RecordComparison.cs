using System.Collections;
using System.Globalization;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Comparison;

/// <summary>What differs between the records of two images. Defaults count as not set, and files by their names without folders, as the files of images hold them.</summary>
internal sealed class RecordComparison
{
    private const string Separator = "; ";

    private readonly GenerationInfo _reference;
    private readonly GenerationInfo _difference;

    /// <summary>Compares two records.</summary>
    /// <param name="reference">The record of the reference.</param>
    /// <param name="difference">The record of the other image.</param>
    public RecordComparison(GenerationInfo reference, GenerationInfo difference)
    {
        _reference = Normalize(reference);
        _difference = Normalize(difference);
        Settings = HasReference && HasDifference
            ? [.. Values(_reference).Zip(Values(_difference), static (a, b) => new SettingDifference(a.Name, a.Value, b.Value)).Where(static pair => !Equals(pair.ReferenceValue, pair.DifferenceValue))]
            : [];
    }

    /// <summary>Whether the reference says how it was made.</summary>
    public bool HasReference => _reference != new GenerationInfo();

    /// <summary>Whether the other image says how it was made.</summary>
    public bool HasDifference => _difference != new GenerationInfo();

    /// <summary>The settings that differ, in the order of the settings; empty if one of the images has none.</summary>
    public IReadOnlyList<SettingDifference> Settings { get; }

    /// <summary>What can have made other pixels of the same settings.</summary>
    /// <returns>The end of a sentence.</returns>
    public string Cause()
    {
        // Device, precision and versions are not recorded.
        string cause = "the device, the precision of the model, or the version of a part differs";
        return _reference.Strength is not null || _reference.ControlNets is not null
            ? $"an image that they were made from, {cause}"
            : cause;
    }

    private static GenerationInfo Normalize(GenerationInfo info) => RecordedNames.Only(SettingTable.WithoutDefaults(info), []);

    private static IEnumerable<(string Name, object? Value)> Values(GenerationInfo info)
    {
        foreach (Setting row in SettingTable.Rows)
        {
            yield return row.Name switch
            {
                nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion) => (row.Name, Join(TextList.Read((string?)row.Get(info)))),
                nameof(GenerationInfo.SchedulerOptions) => (nameof(GeneratedObject.SchedulerOption), Options(info.SchedulerOptions)),
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

        string? Each(Func<ControlNetInfo, object?> setting) => Join(ControlNetInfo.Each(info.ControlNets, setting));
    }

    private static string? Options(string? options) =>
        SchedulerOptionText.Read(options) is Dictionary<string, object?> values ? Join(values.Select(static option => $"{option.Key}={Text(option.Value)}")) : options;

    private static string? Join(IEnumerable<object?>? items) => items is null ? null : string.Join(Separator, items.Select(Text));

    private static string? Text(object? value) =>
        value is IEnumerable list and not string ? string.Join(',', list.Cast<object?>().Select(Text)) : Convert.ToString(value, CultureInfo.InvariantCulture);
}
