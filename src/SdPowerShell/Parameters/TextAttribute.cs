using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>
/// Accepts strings and values with a plain string form, such as numbers, and no other objects. By default, PowerShell would
/// convert a row that lacks the parameter's column to the string "@{...}" and bind that.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TextAttribute : ArgumentTransformationAttribute
{
    /// <summary>The value for an object in the pipeline that is not a string and does not have the column. PowerShell's own error would not explain the cause.</summary>
    internal static readonly string?[] None = [null];

    /// <summary>The column with the strings: an object without it becomes <see cref="None"/>. If null, such an object is PowerShell's own error.</summary>
    public string? Column { get; set; }

    /// <summary>The advice if a file is given, in sentences; null for the usual error.</summary>
    public string? FileAdvice { get; set; }

    /// <summary>Whether all objects that this thread binds are rows in a pipeline. An argument of a command would be converted to the string "@{...}".</summary>
    [field: ThreadStatic]
    internal static bool HasRowsOnly { get; set; }

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        // PowerShell takes no such object of the pipeline for strings by itself, and takes its column next. An exception for each row would cost more than the rest of its binding.
        if (HasRowsOnly && Column is not null && inputData is PSObject { BaseObject: PSCustomObject } row && Cell.Unwrap(row.Properties[Column]?.Value) is string)
            return inputData;

        foreach (object? item in LanguagePrimitives.GetEnumerable(inputData) ?? new[] { inputData })
        {
            if (FileAdvice is not null && Cell.Unwrap(item) is FileSystemInfo file)
                throw ArgumentFault.Of($"{ArgumentFault.Quote(file.Name)} is a file, not a prompt. {FileAdvice}");

            if (Column is not null && Cell.Unwrap(item) is not (null or IConvertible) && PSObject.AsPSObject(inputData).Properties[Column] is null)
                return None;

            // The inner error lets PowerShell try the object's properties, which may fit.
            if (Cell.Unwrap(item) is not (null or IConvertible))
                throw ArgumentFault.Of("A string is needed, or an object with a property that has the parameter's name.", new PSInvalidCastException());
        }

        return inputData;
    }
}
