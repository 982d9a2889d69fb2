using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace StableDiffusion.Noise;

/// <summary>
/// The Box-Muller transform ("A Note on the Generation of Random Normal Deviates", Annals of Mathematical Statistics
/// 29(2), 1958) in float32 over blocks of sixteen, as in <c>torch.randn</c> on x64: logarithm, sine and cosine are those of
/// Moshier's Cephes library, with fused multiplication and addition.
/// </summary>
/// <remarks>
/// Only elementary operations of IEEE 754, each value by itself: the bits are the same for every vector width, and on machines
/// without a fused multiply-add instruction.
/// </remarks>
internal static class BoxMuller
{
    /// <summary>The number of values per block: the first half from radius and cosine, the second from radius and sine.</summary>
    public const int Block = 2 * Half;

    private const int Half = 8;
    private const uint UniformMask = 0xFFFFFF;
    private const float UniformUnit = 1f / (1 << 24);

    private const int MantissaBits = 23;
    private const int MantissaMask = (1 << MantissaBits) - 1;
    private const int HalfExponent = 126;
    private const float RootHalf = 0.707106781186547524f;

    // ln 2 and pi / 4 in parts; the first parts are short enough for exact products.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;
    private const float Octant1 = 0.78515625f;
    private const float Octant2 = 2.4187564849853515625e-4f;
    private const float Octant3 = 3.77489497744594108e-8f;

    /// <summary>Transforms random bits into standard normal values, in place.</summary>
    /// <param name="values">
    /// 32 random bits each, of which the low 24 are used; the length is a multiple of <see cref="Block"/>. Receives the values.
    /// </param>
    public static void Transform(Span<float> values)
    {
        ref float start = ref MemoryMarshal.GetReference(values);
        for (int i = 0; i < values.Length; i += Block)
        {
            ref float block = ref Unsafe.Add(ref start, i);
            Vector256<float> radius = Vector256.Sqrt(Vector256.Create(-2f) * Log(Vector256<float>.One - Uniform(ref block)));
            (Vector256<float> sine, Vector256<float> cosine) = SinCos(Vector256.Create(2 * MathF.PI) * Uniform(ref Unsafe.Add(ref block, Half)));
            (radius * cosine).StoreUnsafe(ref block);
            (radius * sine).StoreUnsafe(ref block, Half);
        }
    }

    /// <summary>Uniform values from 0 to just below 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Uniform(ref float bits)
    {
        Vector256<int> whole = Vector256.LoadUnsafe(ref bits).AsInt32() & Vector256.Create((int)UniformMask);
        return Vector256.ConvertToSingle(whole) * UniformUnit;
    }

    /// <summary>The natural logarithm of normal floats above 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Log(Vector256<float> value)
    {
        // value = mantissa * 2^exponent, with the mantissa between sqrt(1/2) and sqrt(2).
        Vector256<int> bits = value.AsInt32();
        Vector256<float> exponent = Vector256.ConvertToSingle((bits >>> MantissaBits) - Vector256.Create(HalfExponent));
        Vector256<float> mantissa = ((bits & Vector256.Create(MantissaMask)) | Vector256.Create(HalfExponent << MantissaBits)).AsSingle();
        Vector256<float> isLow = Vector256.LessThan(mantissa, Vector256.Create(RootHalf));
        exponent -= isLow & Vector256<float>.One;
        Vector256<float> x = mantissa - Vector256<float>.One + (isLow & mantissa);

        // log(1 + x) = x - x^2 / 2 + x^3 * a polynomial.
        Vector256<float> square = x * x;
        Vector256<float> cube = Vector256.Create(7.0376836292e-2f);
        cube = MultiplyAdd(cube, x, -1.1514610310e-1f);
        cube = MultiplyAdd(cube, x, 1.1676998740e-1f);
        cube = MultiplyAdd(cube, x, -1.2420140846e-1f);
        cube = MultiplyAdd(cube, x, 1.4249322787e-1f);
        cube = MultiplyAdd(cube, x, -1.6668057665e-1f);
        cube = MultiplyAdd(cube, x, 2.0000714765e-1f);
        cube = MultiplyAdd(cube, x, -2.4999993993e-1f);
        cube = MultiplyAdd(cube, x, 3.3333331174e-1f) * x;

        Vector256<float> rest = MultiplyAdd(cube, square, exponent * Ln2Low);
        rest = MultiplyAdd(square, Vector256.Create(-0.5f), rest);
        return MultiplyAdd(exponent, Vector256.Create(Ln2High), x + rest);
    }

    /// <summary>Sine and cosine of angles from 0 to 2 pi.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Sine, Vector256<float> Cosine) SinCos(Vector256<float> angle)
    {
        // angle = octant * pi / 4 + x, with an even octant and x between -pi / 4 and pi / 4.
        // "Native" leaves the conversion of values out of range to the machine; no angle comes near.
        Vector256<int> octant = Vector256.ConvertToInt32Native(angle * (4 / MathF.PI));
        octant = (octant + Vector256<int>.One) & Vector256.Create(~1);
        Vector256<float> octants = Vector256.ConvertToSingle(octant);
        Vector256<float> x = MultiplyAdd(octants, Vector256.Create(-Octant1), angle);
        x = MultiplyAdd(octants, Vector256.Create(-Octant2), x);
        x = MultiplyAdd(octants, Vector256.Create(-Octant3), x);

        Vector256<float> square = x * x;
        Vector256<float> even = Vector256.Create(2.443315711809948e-5f);
        even = MultiplyAdd(even, square, -1.388731625493765e-3f);
        even = MultiplyAdd(even, square, 4.166664568298827e-2f);
        even = MultiplyAdd(even * square, square, square * -0.5f) + Vector256<float>.One;

        Vector256<float> odd = Vector256.Create(-1.9515295891e-4f);
        odd = MultiplyAdd(odd, square, 8.3321608736e-3f);
        odd = MultiplyAdd(odd, square, -1.6666654611e-1f);
        odd = MultiplyAdd(odd * square, x, x);

        // Sine and cosine are exchanged in every second quadrant; the sine is negative in the last two, the cosine in the two in between.
        Vector256<float> isSwapped = Vector256.Equals(octant & Vector256.Create(2), Vector256.Create(2)).AsSingle();
        Vector256<float> sine = Vector256.ConditionalSelect(isSwapped, even, odd);
        Vector256<float> cosine = Vector256.ConditionalSelect(isSwapped, odd, even);
        Vector256<int> sineSign = (octant & Vector256.Create(4)) << 29;
        Vector256<int> cosineSign = ((octant + Vector256.Create(2)) & Vector256.Create(4)) << 29;
        return ((sine.AsInt32() ^ sineSign).AsSingle(), (cosine.AsInt32() ^ cosineSign).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, float added) =>
        Vector256.FusedMultiplyAdd(left, right, Vector256.Create(added));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> added) =>
        Vector256.FusedMultiplyAdd(left, right, added);
}
