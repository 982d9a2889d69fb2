using System.Collections;
using System.Globalization;
using StableDiffusion.Settings;

namespace StableDiffusion.Comparison;

/// <summary>What differs between the stages of two images, by stage and setting.</summary>
internal static class StageComparison
{
    // The results of models differ wherever anything before them does; only what comes from elsewhere is a difference of its own.
    private const string Output = "pixels";

    /// <summary>Compares stages. If they are of the same kinds in the same order, their settings are compared one by one.</summary>
    /// <param name="reference">The stages of the reference; null if unknown.</param>
    /// <param name="difference">The stages of the other image; null if unknown.</param>
    /// <returns>Each difference, with the name of the setting alone.</returns>
    public static IEnumerable<(string Setting, SettingDifference Difference)> Of(StageList? reference, StageList? difference)
    {
        // Without stages, the settings tell of one request.
        if (reference is null || difference is null)
            return (reference ?? difference) is not StageList stages || OneImage.Match(stages) is not null ? [] : Whole();

        GenerationStage[] first = [.. reference.WithInputs()], second = [.. difference.WithInputs()];
        return first.Select(static stage => stage.Operation).SequenceEqual(second.Select(static stage => stage.Operation))
            ? first.Zip(second).SelectMany((pair, index) => Of(pair.First, pair.Second, NameOf(first, index)))
            : Whole();

        IEnumerable<(string Setting, SettingDifference Difference)> Whole() => [(nameof(GenerationInfo.Stages), new SettingDifference(nameof(GenerationInfo.Stages), Operations(reference), Operations(difference)))];
    }

    private static IEnumerable<(string Setting, SettingDifference Difference)> Of(GenerationStage first, GenerationStage second, string name)
    {
        foreach (string setting in first.Settings.Keys.Union(second.Settings.Keys))
        {
            object? a = first.Settings.GetValueOrDefault(setting), b = second.Settings.GetValueOrDefault(setting);
            if (!Equals(Text(a), Text(b)))
                yield return (setting, new SettingDifference($"{name}: {setting}", a is IEnumerable and not string ? Text(a) : a, b is IEnumerable and not string ? Text(b) : b));
        }

        if (first.Operation is StageOperation.ReadImage or StageOperation.Edit && first.Output != second.Output)
            yield return (Output, new SettingDifference($"{name}: {Output}", first.Output, second.Output));
    }

    /// <summary>The operation, with its number if there are several of it.</summary>
    private static string NameOf(GenerationStage[] stages, int index)
    {
        string operation = stages[index].Operation;
        return stages.Count(stage => stage.Operation == operation) == 1
            ? operation
            : string.Create(CultureInfo.InvariantCulture, $"{operation} {stages.Take(index + 1).Count(stage => stage.Operation == operation)}");
    }

    /// <summary>The operations, which differ where they are compared as a whole.</summary>
    private static string? Operations(StageList? stages) => stages is null ? null : string.Join(", ", stages.WithInputs().Select(static stage => stage.Operation));

    private static string? Text(object? value) => value is IEnumerable items and not string
        ? string.Join(", ", items.Cast<object>().Select(static item => Convert.ToString(item, CultureInfo.InvariantCulture)))
        : Convert.ToString(value, CultureInfo.InvariantCulture);
}
