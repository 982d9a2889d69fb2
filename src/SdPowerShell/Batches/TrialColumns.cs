using System.Collections;
using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Serialization;

namespace SdPowerShell.Batches;

/// <summary>
/// The columns of the rows of a trial. For each row, PowerShell looks for a property for every parameter that has no value yet, a
/// hundred of them, which takes it longer than the rest of a trial. So the parameters that no row has a column for are given their
/// initial values, and <see cref="PlanImagesCommand"/> takes them for not given.
/// </summary>
internal static class TrialColumns
{
    private static readonly (string Name, string[] Names, object? Initial)[] s_settings = [.. FindSettings()];

    /// <summary>Finds the parameters that no row sets.</summary>
    /// <param name="rows">The rows, which can be read.</param>
    /// <param name="given">The names of the parameters that all rows share.</param>
    /// <param name="defaults">The user's $PSDefaultParameterValues; null for none.</param>
    /// <returns>The names of the parameters, each with a value that it can be given. None where that cannot be known.</returns>
    public static IReadOnlyList<(string Name, object? Value)> FindAbsent(IEnumerable<TrialRow> rows, IEnumerable<string> given, IDictionary? defaults)
    {
        // The start of a name is one too.
        HashSet<string> set = new(given, StringComparer.OrdinalIgnoreCase);
        if (HasDefaults(defaults) || set.Any(static name => !s_settings.Any(setting => setting.Names.Contains(name, StringComparer.OrdinalIgnoreCase)) && typeof(PlanImagesCommand).GetProperty(name, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is null))
            return [];
        foreach (TrialRow row in rows)
        {
            if (row.Columns is not null)
                set.UnionWith(row.Columns);
            else if (row.Value is null || SerializedObject.CanListProperties(row.Value))
                set.UnionWith(row.Value?.Properties.Select(static property => property.Name) ?? []);
            else
                return [];
        }

        return [.. s_settings.Where(setting => !setting.Names.Any(set.Contains)).Select(static setting => (setting.Name, setting.Initial))];
    }

    /// <remarks>A key has the form <c>command:parameter</c>, with wildcards.</remarks>
    private static bool HasDefaults(IDictionary? defaults) =>
        defaults is not null && defaults.Keys.Cast<object>().Any(static key => WildcardPattern.Get($"{key}".Split(':')[0].Trim(), WildcardOptions.IgnoreCase).IsMatch(RowTrial.Command));

    private static IEnumerable<(string Name, string[] Names, object? Initial)> FindSettings()
    {
        using PlanImagesCommand command = new();
        foreach (PropertyInfo property in typeof(PlanImagesCommand).GetProperties())
        {
            ParameterAttribute[] uses = [.. property.GetCustomAttributes<ParameterAttribute>()];
            if (uses is [{ ValueFromPipelineByPropertyName: true, ValueFromPipeline: false, Mandatory: false }])
                yield return (property.Name, [property.Name, .. property.GetCustomAttributes<AliasAttribute>().SelectMany(static alias => alias.AliasNames)], property.GetValue(command) ?? (property.PropertyType == typeof(string) ? string.Empty : null));
        }
    }
}
