using System.Management.Automation;
using System.Numerics;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads a number as a table has it: an empty cell is no value at all, and what is no number is kept as a
/// <see cref="Number{T}"/>, to be an error of its record. PowerShell by itself would make 0 of the one, and round or
/// silently pass over the other.
/// </summary>
/// <typeparam name="T">The type of the number.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumberAttribute<T> : ArgumentTransformationAttribute
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    /// <summary>Whether the parameter takes several numbers, which one cell holds as <see cref="Cell"/> says.</summary>
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
