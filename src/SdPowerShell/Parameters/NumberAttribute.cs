using System.Management.Automation;
using System.Numerics;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads a number from a table: an empty cell means that there is no value, and an invalid value is kept as a
/// <see cref="Number{T}"/>, to become an error of its record. By default, PowerShell would convert the former to 0, and round or
/// silently ignore the latter.
/// </summary>
/// <typeparam name="T">The type of the number.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumberAttribute<T> : ArgumentTransformationAttribute
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    /// <summary>Whether the parameter takes several numbers, which one cell can hold as <see cref="Cell"/> describes.</summary>
    public bool IsList { get; set; }

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = Cell.Unwrap(inputData);
        return (Cell.IsEmpty(value), IsList) switch
        {
            (true, _) => null,
            (false, true) => Cell.Items(value).Select(item => Read(Cell.Unwrap(item) ?? string.Empty)).ToArray(),
            (false, false) => Read(value!),
        };
    }

    private static Number<T> Read(object value) => value as Number<T> ?? new Number<T>(value);
}
