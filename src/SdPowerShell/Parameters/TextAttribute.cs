using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>
/// Takes texts and what is plainly written as one, such as numbers, and no other objects. PowerShell by itself would
/// turn a table's row that lacks the parameter's column into the text "@{...}" and bind that.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TextAttribute : ArgumentTransformationAttribute
{
    /// <summary>Stands for the texts of an object in the pipeline that has neither texts nor the column. PowerShell's own error would not say what is amiss.</summary>
    internal static readonly string?[] None = [null];

    /// <summary>The column that a row has the texts in, where an object without it becomes <see cref="None"/>; null where it is an error of PowerShell's.</summary>
    public string? Column { get; set; }

    /// <summary>What to do instead where a file is given, in sentences; null for nothing but the usual error.</summary>
    public string? FileAdvice { get; set; }

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        foreach (object? item in LanguagePrimitives.GetEnumerable(inputData) ?? new[] { inputData })
        {
            if (FileAdvice is not null && Cell.Unwrap(item) is FileSystemInfo file)
                throw new ArgumentTransformationMetadataException($"'{file.Name}' is a file, not a prompt. {FileAdvice}");

            if (Column is not null && Cell.Unwrap(item) is not (null or IConvertible) && PSObject.AsPSObject(inputData).Properties[Column] is null)
                return None;

            // The inner error lets a pipeline go on to the object's properties, which may fit.
            if (Cell.Unwrap(item) is not (null or IConvertible))
                throw new ArgumentTransformationMetadataException("A text is needed, or an object with a property of the parameter's name.", new PSInvalidCastException());
        }

        return inputData;
    }
}
