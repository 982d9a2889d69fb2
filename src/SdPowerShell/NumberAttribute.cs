using System.Globalization;
using System.Management.Automation;
using System.Numerics;

namespace SdPowerShell;

/// <summary>
/// Reads a number as a table has it: an empty cell is no value at all, and a value that is no number, or is out of the
/// type's range, is an error of its record. PowerShell by itself would make 0 of the one and silently pass over the other.
/// </summary>
/// <typeparam name="T">The type of the number.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumberAttribute<T> : ArgumentTransformationAttribute
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is null or T)
            return value;
        if (value is string cell && string.IsNullOrWhiteSpace(cell))
            return null;

        // Without thousands: 7,5 is no 75.
        bool isNumber = value is string text
            ? T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T number)
            : LanguagePrimitives.TryConvertTo(value, CultureInfo.InvariantCulture, out number);
        return isNumber
            ? number
            : throw new ArgumentTransformationMetadataException($"'{value}' is no {(typeof(T) == typeof(double) ? "number, such as 7.5" : $"whole number up to {T.MaxValue}, such as 42")}.");
    }
}
