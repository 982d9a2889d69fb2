namespace SdPowerShell.Serialization;

/// <summary>A type of object that survives being serialized.</summary>
/// <param name="Type">The type.</param>
/// <param name="Noun">What it is called in messages, with its article.</param>
/// <param name="ToBytes">Everything about an object but the path of its file, as bytes.</param>
/// <param name="FromBytes">The object of bytes, and of the path of its file, which may be null.</param>
/// <param name="Advice">What else to do where the bytes are missing or damaged, as the end of a sentence.</param>
/// <param name="IsUsefulAlone">Whether a copy without the bytes is used as it is, since its properties say all.</param>
internal sealed record SerializedKind(Type Type, string Noun, Func<object, byte[]> ToBytes, Func<byte[], string?, object> FromBytes, string Advice, bool IsUsefulAlone)
{
    /// <summary>Describes a type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="noun">What it is called in messages, with its article.</param>
    /// <param name="toBytes">An object as bytes.</param>
    /// <param name="fromBytes">The object of bytes.</param>
    /// <param name="advice">What else to do where the bytes are missing or damaged, as the end of a sentence.</param>
    /// <param name="setPath">Sets the path of its file; null if the bytes have it.</param>
    /// <param name="isUsefulAlone">Whether a copy without the bytes is used as it is.</param>
    public static SerializedKind Of<T>(string noun, Func<T, byte[]> toBytes, Func<byte[], T> fromBytes, string advice, Action<T, string?>? setPath = null, bool isUsefulAlone = false)
        where T : class
    {
        return new(typeof(T), noun, value => toBytes((T)value), Make, advice, isUsefulAlone);

        T Make(byte[] bytes, string? path)
        {
            T value = fromBytes(bytes);
            setPath?.Invoke(value, path);
            return value;
        }
    }
}
