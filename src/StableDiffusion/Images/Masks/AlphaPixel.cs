namespace StableDiffusion.Images.Masks;

/// <summary>A pixel with alpha, and the arithmetic in bytes that Pillow has for it.</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
/// <param name="A">The opacity, 0 to 255.</param>
internal readonly record struct AlphaPixel(byte R, byte G, byte B, byte A)
{
    // Weights of a composite have this many bits besides those of a byte.
    private const int WeightBits = 7;

    /// <summary>An opaque color multiplied by an opacity.</summary>
    /// <param name="color">Red, green and blue.</param>
    /// <param name="alpha">The opacity.</param>
    public static AlphaPixel Premultiplied(ReadOnlySpan<byte> color, byte alpha) => new(Product(color[0], alpha), Product(color[1], alpha), Product(color[2], alpha), alpha);

    /// <summary>The color before it was multiplied by its opacity.</summary>
    public AlphaPixel Straight()
    {
        return A is 0 or byte.MaxValue ? this : new AlphaPixel(Quotient(R, A), Quotient(G, A), Quotient(B, A), A);

        static byte Quotient(byte value, byte alpha) => (byte)Math.Min(byte.MaxValue * value / alpha, byte.MaxValue);
    }

    /// <summary>This pixel with another one over it; both are straight.</summary>
    /// <param name="over">The upper pixel.</param>
    public AlphaPixel Under(AlphaPixel over)
    {
        if (over.A == 0)
            return this;

        uint alpha = (uint)((over.A * byte.MaxValue) + (A * (byte.MaxValue - over.A)));
        uint upper = (uint)(over.A * byte.MaxValue * byte.MaxValue * (1 << WeightBits)) / alpha;
        uint lower = (byte.MaxValue << WeightBits) - upper;
        return new AlphaPixel(Mix(over.R, R), Mix(over.G, G), Mix(over.B, B), (byte)Divide(alpha + 128));

        byte Mix(byte top, byte bottom) => (byte)(Divide((top * upper) + (bottom * lower) + (128u << WeightBits)) >> WeightBits);
    }

    private static byte Product(byte value, byte alpha) => (byte)Divide((uint)(value * alpha) + 128);

    private static uint Divide(uint value) => ((value >> 8) + value) >> 8;
}
