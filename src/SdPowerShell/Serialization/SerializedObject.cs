using System.ComponentModel;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Metadata;
using StableDiffusion.Text;

namespace SdPowerShell.Serialization;

/// <summary>
/// Objects that PowerShell serializes: for a job, a remote session, or a file of Export-Clixml. With their properties goes a
/// hidden one that holds all of them, and PowerShell turns it back by the converter of this type, which
/// <c>StableDiffusion.Types.ps1xml</c> names. Where the module was not loaded then, the cmdlets turn it back themselves.
/// </summary>
[TypeConverter(typeof(SerializedObjectConverter))]
public static class SerializedObject
{
    private const string Prefix = "Deserialized.";
    private const string DataProperty = "SerializationData";
    private const string PathProperty = "Path";

    // In place of the bytes.
    private const string NotFinite = "NotFinite";

    private static readonly SerializedKind[] s_kinds =
    [
        SerializedKind.Of("a latent", LatentFile.ToBytes, LatentFile.FromBytes, "write the latent to a file with Export-Latent", static (latent, path) => latent.Path = path),
        SerializedKind.Of("an embedding", TextEmbeddingFile.ToBytes, TextEmbeddingFile.FromBytes, "write the embedding to a file with Export-TextEmbedding", static (embedding, path) => embedding.Path = path),
        SerializedKind.Of("an image", ImageFile.ToBytes, ImageFile.FromBytes, "write the image to a file with Export-DiffusionImage", static (image, path) => image.Path = path),
        SerializedKind.Of("the metadata of an image", static metadata => metadata.ToBytes(), ImageMetadata.FromBytes, "read the metadata again with Get-DiffusionMetadata", isUsefulAlone: true),
    ];

    /// <summary>Everything about an object, as bytes. PowerShell calls it when it serializes the object.</summary>
    /// <param name="instance">The object.</param>
    /// <returns>The bytes; a word if the object cannot be written as bytes.</returns>
    public static object GetSerializationData(PSObject instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        try
        {
            return s_kinds.First(kind => kind.Type.IsInstanceOfType(instance.BaseObject)).ToBytes(instance.BaseObject);
        }
        catch (DiffusionException error)
        {
            return error is NotFiniteException ? NotFinite : string.Empty;
        }
    }

    /// <summary>Whether an object is a copy of one of the given type that PowerShell has serialized.</summary>
    /// <param name="value">The object.</param>
    /// <param name="type">The type of the original.</param>
    internal static bool IsCopy(PSObject value, Type type) => value.TypeNames.Contains(Prefix + type.FullName);

    /// <summary>Turns a copy back into what it was, with the properties that were added to it.</summary>
    /// <param name="value">An object.</param>
    /// <param name="isWhole">Whether its properties alone are of no use, whatever it is.</param>
    /// <returns>The object as it was before PowerShell serialized it; the object itself if it is no such copy.</returns>
    /// <exception cref="RecordException">What makes up the object is missing or damaged, or one of its properties has no name.</exception>
    internal static PSObject Restore(PSObject value, bool isWhole = false)
    {
        SerializedKind? kind = Array.Find(s_kinds, kind => IsCopy(value, kind.Type));
        if (!CanListProperties(value))
            throw Invalid("One of its properties has no name.");
        if (kind is null)
            return value;
        object? data = Cell.Unwrap(value.Properties[DataProperty]?.Value);
        if (data is null && kind.IsUsefulAlone && !isWhole)
            return value;

        PSObject restored;
        try
        {
            restored = data switch
            {
                byte[] bytes => new(kind.FromBytes(bytes, Cell.Unwrap(value.Properties[PathProperty]?.Value) as string)),
                null => throw Invalid(null),

                NotFinite => throw Invalid("One of its values is NaN or infinite, or far beyond those that models make."),

                // Where the object could not be written, or where someone else wrote something, which is not shown.
                _ => throw Invalid("Its values are damaged, or were so when the copy was made."),
            };
        }
        catch (DiffusionException error)
        {
            throw Invalid(error.Message);
        }

        foreach (PSPropertyInfo added in value.Properties)
        {
            if (added.Name != DataProperty && restored.Properties[added.Name] is null)
                restored.Properties.Add(new PSNoteProperty(added.Name, added.Value));
        }

        return restored;

        RecordException Invalid(string? cause) => new(DiffusionError.SerializedObjectInvalid(kind?.Noun ?? "an object", cause, kind?.Advice ?? "leave it out", value));
    }

    /// <summary>Whether the properties of an object can be listed, which PowerShell cannot if one in a damaged copy has no name.</summary>
    /// <param name="value">The object.</param>
    internal static bool CanListProperties(PSObject value)
    {
        if (value.BaseObject is not PSCustomObject)
            return true;

        try
        {
            return value.Properties.All(static property => property.Name.Length > 0);
        }
        catch (Exception error) when (error is PSArgumentException or ExtendedTypeSystemException)
        {
            return false;
        }
    }
}
