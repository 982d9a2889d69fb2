using System.Collections;
using System.Management.Automation;
using SdPowerShell.Serialization;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads options from a table or a JSON file: an object with a property for each, or a string such as
/// <c>eta=0.5; timestep_spacing=trailing</c>. By default, PowerShell would silently ignore both.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SchedulerOptionAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) => Cell.Unwrap(inputData) switch
    {
        Hashtable options => options,
        IDictionary options => new Hashtable(options, StringComparer.OrdinalIgnoreCase),
        PSCustomObject => ReadObject((PSObject)inputData),
        object value when !Cell.IsEmpty(value) => ReadText(value),
        _ => null,
    };

    private static Hashtable ReadObject(PSObject value)
    {
        if (!SerializedObject.CanListProperties(value))
            throw ArgumentFault.Of("One of the options has no name. Give names with their values, such as 'eta=0.5; timestep_spacing=trailing'.");

        Hashtable options = new(StringComparer.OrdinalIgnoreCase);
        foreach (PSPropertyInfo property in value.Properties)
            options[property.Name] = property.Value;
        return options;
    }

    private static Hashtable ReadText(object value)
    {
        Hashtable options = new(StringComparer.OrdinalIgnoreCase);
        foreach (object? item in Cell.Items(value))
        {
            if (item is not string text || text.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } name, string option])
                throw ArgumentFault.Of($"{ArgumentFault.Quote(item)} is not an option. Give names with their values, such as 'eta=0.5; timestep_spacing=trailing'.");
            options[name] = option;
        }

        return options;
    }
}
