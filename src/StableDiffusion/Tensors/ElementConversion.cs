using System.Runtime.InteropServices;

namespace StableDiffusion.Tensors;

/// <summary>Converts stored values of any type to 32-bit floats.</summary>
internal static class ElementConversion
{
    private static readonly float[] s_e4m3 = Table(DecodeE4M3);
    private static readonly float[] s_e5m2 = Table(DecodeE5M2);

    /// <summary>Converts little-endian values.</summary>
    /// <param name="type">The type that they are stored as.</param>
    /// <param name="source">The bytes of the values, exactly as many as <paramref name="destination"/> needs.</param>
    /// <param name="destination">Receives the values; integers and doubles are rounded to the nearest float.</param>
    public static void ToSingle(StoredElementType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case StoredElementType.F64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(source), destination);
                break;
            case StoredElementType.F32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case StoredElementType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
            case StoredElementType.BF16:
                Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ushort>(source), bits);
                TensorPrimitives.ShiftLeft(bits, 16, bits);
                break;
            case StoredElementType.F8E4M3:
                Look(s_e4m3, source, destination);
                break;
            case StoredElementType.F8E5M2:
                Look(s_e5m2, source, destination);
                break;
            case StoredElementType.I64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(source), destination);
                break;
            case StoredElementType.I32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(source), destination);
                break;
            case StoredElementType.I16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(source), destination);
                break;
            case StoredElementType.I8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(source), destination);
                break;
            default:
                TensorPrimitives.ConvertTruncating(source, destination);
                break;
        }
    }

    private static void Look(float[] table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++)
            destination[i] = table[source[i]];
    }

    private static float[] Table(Func<byte, float> decode)
    {
        float[] table = new float[256];
        for (int code = 0; code < table.Length; code++)
            table[code] = decode((byte)code);
        return table;
    }

    private static float DecodeE4M3(byte code)
    {
        int exponent = (code >> 3) & 15;
        int mantissa = code & 7;
        float magnitude = (exponent, mantissa) switch
        {
            (15, 7) => float.NaN,
            (0, _) => MathF.ScaleB(mantissa, -9),
            _ => MathF.ScaleB(8 + mantissa, exponent - 10),
        };
        return code < 128 ? magnitude : -magnitude;
    }

    // The same layout as the upper byte of a half-precision float.
    private static float DecodeE5M2(byte code) => (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8));
}
