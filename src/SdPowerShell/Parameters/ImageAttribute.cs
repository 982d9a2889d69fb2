using System.Collections;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Serialization;
using StableDiffusion.Images;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads the images of a parameter, whatever they are given as: see <see cref="ImageInput"/>. By default, PowerShell would convert an
/// image to a string and use that as a path.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ImageAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether the parameter takes several images.</summary>
    public bool IsList { get; set; }

    /// <summary>Whether one text can hold several images, as <see cref="Cell"/> describes.</summary>
    public bool IsCell { get; set; }

    /// <summary>
    /// The names of the parameters that take images from properties, with spaces between them: an object that is no image but has such a
    /// property is left to that. Null if the parameter takes no objects of the pipeline.
    /// </summary>
    public string? Columns { get; set; }

    private const int Deepest = 16;

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (IsList)
            return Items(inputData).Select(Read).ToArray();
        return Read(Cell.Unwrap(inputData) is IList { Count: 1 } single ? single[0] : inputData);
    }

    // A list can hold itself.
    private IEnumerable<object?> Items(object? value, int depth = 0) => Cell.Unwrap(value) switch
    {
        string text when IsCell => Cell.Items(text),
        IList when depth > Deepest => throw ArgumentFault.Of("The list of images holds lists in too many levels. Give the images in one list."),
        IList items => items.Cast<object?>().SelectMany(item => Items(item, depth + 1)),
        _ => [value],
    };

    private ImageInput? Read(object? item) => Cell.Unwrap(item) switch
    {
        object value when Cell.IsEmpty(value) => null,
        null => null,
        ImageInput input => input,
        object value and (DiffusionImage or string or FileSystemInfo) => new ImageInput(value),
        object value => ReadOther(PSObject.AsPSObject(item), value),
    };

    private ImageInput ReadOther(PSObject item, object value)
    {
        try
        {
            if (SerializedObject.Restore(item).BaseObject is DiffusionImage image)
                return new ImageInput(image);
        }
        catch (RecordException error)
        {
            return new ImageInput(error);
        }

        ImageInput other = new(value is PSCustomObject ? item : value);

        // The inner error lets PowerShell try the object's properties.
        return Columns is not null && Array.Exists(Columns.Split(' '), column => item.Properties[column]?.Value is not null)
            ? throw ArgumentFault.Of(other.Refusal, new PSInvalidCastException())
            : other;
    }
}
