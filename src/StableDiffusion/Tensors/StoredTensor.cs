namespace StableDiffusion.Tensors;

/// <summary>What a file says of one of its tensors.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="ElementType">How its values are stored.</param>
/// <param name="Shape">The length of each axis, outermost first; empty for a single number.</param>
/// <param name="ByteLength">How many bytes its values take up in the file.</param>
public sealed record StoredTensor(string Name, StoredElementType ElementType, IReadOnlyList<long> Shape, long ByteLength)
{
    /// <summary>Where the values start, from the first byte after the header.</summary>
    internal long Offset { get; init; }

    /// <summary>How many values there are.</summary>
    public long Count => ByteLength / SizeOf(ElementType);

    /// <summary>The shape in words, such as <c>[320,4,3,3]</c>.</summary>
    internal string ShapeText => $"[{string.Join(',', Shape)}]";

    internal static int SizeOf(StoredElementType type) => type switch
    {
        StoredElementType.F64 or StoredElementType.I64 => 8,
        StoredElementType.F32 or StoredElementType.I32 => 4,
        StoredElementType.F16 or StoredElementType.BF16 or StoredElementType.I16 => 2,
        _ => 1,
    };
}
