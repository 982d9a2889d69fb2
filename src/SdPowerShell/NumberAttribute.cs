using System.Globalization;
using System.Management.Automation;

namespace SdPowerShell;

/// <summary>
/// Reads a number as a CSV file has it: an empty cell is no value at all, and a cell that is no number is an error of
/// its record. PowerShell by itself would make 0 of the one and silently pass over the other.
/// </summary>
/// <typeparam name="T">The type of the number.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumberAttribute<T> : ArgumentTransformationAttribute
    where T : struct, IParsable<T>
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not string text)
            return inputData;
        if (string.IsNullOrWhiteSpace(text))
            return null;
        return T.TryParse(text.Trim(), CultureInfo.InvariantCulture, out T number)
            ? number
            : throw new ArgumentTransformationMetadataException($"'{text}' is no {(typeof(T) == typeof(double) ? "number, such as 7.5" : "whole number, such as 42")}.");
    }
}
