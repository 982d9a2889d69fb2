using System.Management.Automation;

namespace SdPowerShell.Serialization;

/// <summary>A type of object that survives being serialized.</summary>
/// <param name="Type">The type.</param>
/// <param name="Noun">What it is called in messages.</param>
/// <param name="ToBytes">Everything about an object, as bytes.</param>
/// <param name="FromBytes">The object of bytes, and of the copy that they came with.</param>
/// <param name="Advice">What to do where the bytes are missing, in a sentence; null if a copy is of use without them.</param>
internal sealed record SerializedKind(Type Type, string Noun, Func<object, byte[]> ToBytes, Func<byte[], PSObject, object> FromBytes, string? Advice)
{
    /// <inheritdoc cref="SerializedKind"/>
    /// <typeparam name="T">The type.</typeparam>
    public static SerializedKind Of<T>(string noun, Func<T, byte[]> toBytes, Func<byte[], PSObject, T> fromBytes, string? advice)
        where T : class => new(typeof(T), noun, value => toBytes((T)value), fromBytes, advice);
}
