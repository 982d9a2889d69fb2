using System.Collections;
using System.Management.Automation;

namespace SdPowerShell;

/// <summary>
/// Takes texts and what is plainly written as one, such as numbers, and no other objects. PowerShell by itself would
/// turn a table's row that lacks the parameter's column into the text "@{...}" and bind that.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TextAttribute : ArgumentTransformationAttribute
{
    /// <summary>What to do instead where a file is given, in sentences; null for nothing but the usual error.</summary>
    public string? FileAdvice { get; set; }

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        foreach (object? item in Cell.Unwrap(inputData) is IEnumerable several and not string ? several : new[] { inputData })
        {
            if (FileAdvice is not null && Cell.Unwrap(item) is FileSystemInfo file)
                throw new ArgumentTransformationMetadataException($"'{file.Name}' is a file, not a prompt. {FileAdvice}");

            // The inner error lets a pipeline go on to the object's properties, which may fit.
            if (Cell.Unwrap(item) is not (null or IConvertible))
                throw new ArgumentTransformationMetadataException("A text is needed, or an object with a property of the parameter's name.", new PSInvalidCastException());
        }

        return inputData;
    }
}
