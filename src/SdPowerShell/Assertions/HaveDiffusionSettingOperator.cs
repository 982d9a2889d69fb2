using System.Collections;
using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using StableDiffusion.Comparison;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Assertions;

/// <summary>Tests whether an image, or another object that records how it was made, was made with the expected settings.</summary>
public sealed class HaveDiffusionSettingOperator : ShouldOperator
{
    /// <summary>A hashtable of settings.</summary>
    [Parameter]
    public object? ExpectedSetting { get; set; }

    /// <inheritdoc/>
    private protected override AssertionResult Test()
    {
        if (Cell.Unwrap(ExpectedSetting) is not IDictionary { Count: > 0 } settings)
            return new AssertionResult(Succeeded: false, "The expected settings are missing. Give them as a hashtable, such as @{ Steps = 20 }.");

        KeyValuePair<string, object?>[] wanted = [.. settings.Keys.Cast<object>().Select(name => KeyValuePair.Create(NameOf($"{name}"), Cell.UnwrapAll(settings[name]))).OrderBy(static setting => setting.Key, StringComparer.OrdinalIgnoreCase)];
        IReadOnlyList<SettingDifference> unmet = RecordComparison.Unmet(ReadSettings(), wanted);
        string names = string.Join(", ", wanted.Select(static setting => setting.Key));
        string message = Negate
            ? $"Expected other settings{Reason(Because)}, but {names} {(wanted.Length == 1 ? "has the given value" : "have the given values")}."
            : $"Expected the settings {names}{Reason(Because)}, but these differ (expected, actual): {string.Join(", ", unmet)}.";
        return new AssertionResult(Negate == unmet.Count > 0, message);
    }

    /// <summary>The setting that a name stands for: its own, or another that New-DiffusionImage knows, such as <c>CfgScale</c>.</summary>
    private static string NameOf(string name) => typeof(NewDiffusionImageCommand).GetProperties()
        .FirstOrDefault(property => property.GetCustomAttribute<AliasAttribute>()?.AliasNames.Contains(name, StringComparer.OrdinalIgnoreCase) == true)?.Name ?? name;

    private GenerationInfo ReadSettings() => Cell.Unwrap(ActualValue) switch
    {
        GeneratedObject made => made.FullInfo,
        GenerationInfo info => info,
        _ => InputOf(nameof(ActualValue), ActualValue).Read(nameof(ActualValue), path => MetadataReader.Load(ResolveOutput(path), CancellationToken).FullInfo, static made => made.FullInfo),
    };
}
