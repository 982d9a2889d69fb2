using System.Globalization;
using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads a switch from a table: true, false, 1 or 0, as a string or not; an empty cell is off. By
/// default, PowerShell would silently read any string as off.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SwitchAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = Cell.Unwrap(inputData);
        if (value is SwitchParameter or bool)
            return value;
        if (Cell.IsEmpty(value))
            return false;

        return Convert.ToString(value, CultureInfo.InvariantCulture)!.Trim().ToUpperInvariant() switch
        {
            "TRUE" or "1" => true,
            "FALSE" or "0" => false,
            _ => throw ArgumentFault.Of($"{ArgumentFault.Quote(value)} is neither true nor false. Give true, false, 1 or 0."),
        };
    }
}
