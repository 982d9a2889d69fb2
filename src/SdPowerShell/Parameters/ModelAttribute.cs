using System.Collections;
using System.Management.Automation;
using SdPowerShell.Serialization;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Parameters;

/// <summary>
/// Accepts a model as a name, a path, or an object: the output of Get-DiffusionModel or Import-DiffusionModel,
/// or a file or folder. By default, PowerShell would convert the object to a string and use that as the name.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ModelAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether the parameter takes whole objects of the pipeline: an object that is not a model may have a property that is.</summary>
    public bool TakesObjects { get; set; }

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Cell.Unwrap(inputData) is IList several ? several.Cast<object?>().Select(NameOf).ToArray() : NameOf(inputData);

    private object? NameOf(object? model) => Cell.Unwrap(model) switch
    {
        null or IConvertible => model,
        FileSystemInfo file => file.FullName,
        ModelInfo info => info.Name,
        ModelImport import => import.Name,
        _ when PSObject.AsPSObject(model) is var copy && IsCopyOfModel(copy) => copy.Properties[nameof(ModelInfo.Name)].Value,
        object other => throw ArgumentFault.Of(
            $"An object of type {other.GetType().Name} is not a model. Give a model's name or path, or an object that Get-DiffusionModel writes.",
            TakesObjects ? new PSInvalidCastException() : null),
    };

    /// <summary>Whether an object is the copy of a model object from another process.</summary>
    private static bool IsCopyOfModel(PSObject value) => SerializedObject.IsCopy(value, typeof(ModelInfo)) || SerializedObject.IsCopy(value, typeof(ModelImport));
}
