using System.Collections;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;

namespace SdPowerShell.Serialization;

/// <summary>
/// Takes copies of objects that PowerShell has serialized for the objects that they were. By default, PowerShell would bind their
/// properties, and pass over the rest.
/// </summary>
/// <typeparam name="T">The type of the parameter, or of its elements.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RestoredAttribute<T> : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Cell.Unwrap(inputData) is IList items && items.Cast<object?>().Any(IsCopy)
            ? items.Cast<object?>().Select(Restore).ToArray()
            : Restore(inputData);

    private static bool IsCopy(object? value) => value is PSObject copy && SerializedObject.IsCopy(copy, typeof(T));

    private static object? Restore(object? value)
    {
        try
        {
            return IsCopy(value) ? SerializedObject.Restore((PSObject)value!) : value;
        }
        catch (RecordException error)
        {
            throw ArgumentFault.Of(error.Message, error);
        }
    }
}
