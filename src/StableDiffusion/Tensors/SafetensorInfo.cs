namespace StableDiffusion.Tensors;

/// <summary>What a safetensors file says of one of its tensors.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="ElementType">How its values are stored.</param>
/// <param name="Shape">The length of each axis, outermost first; empty for a single number.</param>
/// <param name="ByteLength">How many bytes its values take up in the file.</param>
public sealed record SafetensorInfo(string Name, SafetensorElementType ElementType, IReadOnlyList<long> Shape, long ByteLength)
{
    /// <summary>Where the values start, from the first byte after the header.</summary>
    internal long Offset { get; init; }

    /// <summary>How many values there are.</summary>
    public long Count => ByteLength / SizeOf(ElementType);

    /// <summary>The shape in words, such as <c>[320,4,3,3]</c>.</summary>
    internal string ShapeText => $"[{string.Join(',', Shape)}]";

    internal static int SizeOf(SafetensorElementType type) => type switch
    {
        SafetensorElementType.F64 or SafetensorElementType.I64 => 8,
        SafetensorElementType.F32 or SafetensorElementType.I32 => 4,
        SafetensorElementType.F16 or SafetensorElementType.BF16 or SafetensorElementType.I16 => 2,
        _ => 1,
    };
}
