using System.Management.Automation;

namespace SdPowerShell.Serialization;

/// <summary>A type of object that survives being serialized.</summary>
/// <param name="Type">The type.</param>
/// <param name="Noun">What it is called in messages, with its article.</param>
/// <param name="ToBytes">Everything about an object, as bytes.</param>
/// <param name="FromBytes">The object of bytes, and of the copy that they came with.</param>
/// <param name="Advice">What else to do where the bytes are missing or damaged, as the end of a sentence.</param>
/// <param name="IsUsefulAlone">Whether a copy without the bytes is used as it is, since its properties say all.</param>
internal sealed record SerializedKind(Type Type, string Noun, Func<object, byte[]> ToBytes, Func<byte[], PSObject, object> FromBytes, string Advice, bool IsUsefulAlone)
{
    /// <summary>Describes a type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <inheritdoc cref="SerializedKind"/>
    public static SerializedKind Of<T>(string noun, Func<T, byte[]> toBytes, Func<byte[], PSObject, T> fromBytes, string advice, bool isUsefulAlone = false)
        where T : class => new(typeof(T), noun, value => toBytes((T)value), fromBytes, advice, isUsefulAlone);
}
