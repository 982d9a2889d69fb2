using System.Collections;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Records;
using SdPowerShell.Serialization;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Parameters;

/// <summary>
/// Reads objects that record how they were made: see <see cref="RecordedInput"/>. By default, PowerShell would read the file at the
/// path that a copy of an object names, and not the copy.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RecordedAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] s_pathColumns = ["Path", "LiteralPath", "PSPath", "LP"];

    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (Cell.Unwrap(inputData) is IList items ? items.Cast<object?>() : [inputData]).OfType<object>().Select(Read).ToArray();

    private static RecordedInput Read(object item) => Cell.Unwrap(item) switch
    {
        RecordedInput input => input,
        object value and (GeneratedObject or TextEmbedding or FileSystemInfo) => new RecordedInput(value),
        _ => ReadOther(PSObject.AsPSObject(item)),
    };

    private static RecordedInput ReadOther(PSObject item)
    {
        try
        {
            PSObject restored = SerializedObject.Restore(item, isWhole: true);
            if (!ReferenceEquals(restored, item))
                return new RecordedInput(restored.BaseObject);
        }
        catch (RecordException error)
        {
            return new RecordedInput(error);
        }

        if (SelectedRecord.Find(item) is not { } record)
        {
            // The inner error lets PowerShell try the object's properties.
            return Array.Exists(s_pathColumns, column => item.Properties[column]?.Value is not null)
                ? throw ArgumentFault.Of(RecordedInput.Choices, new PSInvalidCastException())
                : new RecordedInput(item.BaseObject is PSCustomObject ? item : item.BaseObject);
        }

        return SelectedRecord.FindChange(item, record) is string setting
            ? throw ArgumentFault.Of($"The {setting} of this copy is not the recorded one. Give the image or its metadata itself, and edit the script.")
            : new RecordedInput(record);
    }
}
