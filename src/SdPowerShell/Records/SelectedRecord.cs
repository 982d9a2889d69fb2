using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Parameters;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Records;

/// <summary>The record that a copy of an image or of its metadata still holds, as <c>Select-Object *</c> makes it.</summary>
internal static class SelectedRecord
{
    private static readonly PropertyInfo[] s_settings =
    [
        .. typeof(ImageMetadata).GetProperties().Where(static property => property.Name is not (nameof(ImageMetadata.Info) or nameof(ImageMetadata.Stages)
            or nameof(ImageMetadata.Source) or nameof(ImageMetadata.Settings) or nameof(ImageMetadata.Entries) or nameof(ImageMetadata.Warnings) or nameof(ImageMetadata.Path))),
    ];

    // An image has a size of its own, and no syntax where it is the default.
    private static readonly PropertyInfo[] s_settingsOfImages =
        [.. s_settings.Where(static property => property.Name is not (nameof(ImageMetadata.Width) or nameof(ImageMetadata.Height) or nameof(ImageMetadata.PromptSyntax)))];

    /// <summary>Finds the record.</summary>
    /// <param name="copy">An object; null finds nothing.</param>
    /// <returns>The record as it was copied; null if the object is no such copy.</returns>
    public static ImageMetadata? Find(PSObject? copy) =>
        copy?.BaseObject is PSCustomObject && Cell.Unwrap(copy.Properties[nameof(ImageMetadata.Info)]?.Value) is GenerationInfo info
            ? new ImageMetadata(MetadataSource.PowerShell, info, Text(copy, nameof(ImageMetadata.RandomSource))) { Path = Text(copy, nameof(ImageMetadata.Path)) ?? string.Empty }
            : null;

    /// <summary>Finds a setting of a copy that was changed since.</summary>
    /// <param name="copy">The copy, or any other object, which has none.</param>
    /// <param name="record">Its record.</param>
    /// <returns>The setting; null if there is none.</returns>
    public static string? FindChange(PSObject copy, GeneratedObject record) => copy.BaseObject is not PSCustomObject
        ? null
        : (copy.Properties[nameof(ImageMetadata.Source)] is null ? s_settingsOfImages : s_settings).FirstOrDefault(setting => copy.Properties[setting.Name] is PSPropertyInfo property
            && LanguagePrimitives.ConvertTo<string>(property.Value) != LanguagePrimitives.ConvertTo<string>(setting.GetValue(record)))?.Name;

    private static string? Text(PSObject copy, string property) => Cell.Unwrap(copy.Properties[property]?.Value) as string;
}
