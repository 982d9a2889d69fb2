namespace StableDiffusion.Tensors;

/// <summary>The description of a tensor in a file.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="ElementType">The type that its values are stored as.</param>
/// <param name="Shape">The length of each axis, outermost first; empty for a scalar.</param>
/// <param name="ByteLength">The number of bytes of its values in the file.</param>
internal sealed record StoredTensor(string Name, StoredElementType ElementType, IReadOnlyList<long> Shape, long ByteLength)
{
    /// <summary>The position of the values, in bytes from the end of the header.</summary>
    internal long Offset { get; init; }

    /// <summary>The number of values.</summary>
    public long Count => ByteLength / SizeOf(ElementType);

    /// <summary>The shape as text, such as <c>[320,4,3,3]</c>.</summary>
    internal string ShapeText => $"[{string.Join(',', Shape)}]";

    internal static int SizeOf(StoredElementType type) => type switch
    {
        StoredElementType.F64 or StoredElementType.I64 => 8,
        StoredElementType.F32 or StoredElementType.I32 => 4,
        StoredElementType.F16 or StoredElementType.BF16 or StoredElementType.I16 => 2,
        _ => 1,
    };
}
