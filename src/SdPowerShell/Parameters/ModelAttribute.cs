using System.Collections;
using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Parameters;

/// <summary>
/// Takes a model by its name or path, or by an object that is one: what Get-DiffusionModel and Import-DiffusionModel
/// write, or a file or folder. PowerShell by itself would take the text that the object is shown as for a name.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ModelAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether the parameter takes whole objects of the pipeline: one that is no model may have a property that is.</summary>
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
        object other => throw new ArgumentTransformationMetadataException(
            $"An object of the type {other.GetType().Name} is no model. Give a model's name or path, or an object that Get-DiffusionModel writes.",
            TakesObjects ? new PSInvalidCastException() : null),
    };

    /// <summary>Whether an object is a model's that another process wrote.</summary>
    private static bool IsCopyOfModel(PSObject value) =>
        value.TypeNames.Contains($"Deserialized.{typeof(ModelInfo).FullName}") || value.TypeNames.Contains($"Deserialized.{typeof(ModelImport).FullName}");
}
