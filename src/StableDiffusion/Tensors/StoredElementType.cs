namespace StableDiffusion.Tensors;

/// <summary>The type that the values of a tensor are stored as.</summary>
internal enum StoredElementType
{
    /// <summary>64-bit float.</summary>
    F64,

    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>16-bit float (IEEE 754 half precision).</summary>
    F16,

    /// <summary>bfloat16: the upper half of a 32-bit float.</summary>
    BF16,

    /// <summary>8-bit float with 4 exponent and 3 mantissa bits, without infinities (torch's <c>float8_e4m3fn</c>).</summary>
    F8E4M3,

    /// <summary>8-bit float with 5 exponent and 2 mantissa bits (torch's <c>float8_e5m2</c>).</summary>
    F8E5M2,

    /// <summary>64-bit signed integer.</summary>
    I64,

    /// <summary>32-bit signed integer.</summary>
    I32,

    /// <summary>16-bit signed integer.</summary>
    I16,

    /// <summary>8-bit signed integer.</summary>
    I8,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>A Boolean, stored as a byte of 0 or 1.</summary>
    Bool,
}
