using System.Collections;
using System.Management.Automation;
using System.Numerics;

namespace SdPowerShell;

/// <summary>Reads one number or several as <see cref="NumberAttribute{T}"/> reads one.</summary>
/// <typeparam name="T">The type of the numbers.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumbersAttribute<T> : ArgumentTransformationAttribute
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    private readonly NumberAttribute<T> _number = new();

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not IEnumerable items || value is string)
            return _number.Transform(engineIntrinsics, inputData) is T single ? new[] { single } : null;

        List<T> numbers = [];
        foreach (object item in items)
        {
            if (_number.Transform(engineIntrinsics, item) is not T number)
                throw new ArgumentTransformationMetadataException("One of the numbers is empty.");
            numbers.Add(number);
        }

        return numbers.ToArray();
    }
}
