namespace StableDiffusion.Quantization;

/// <summary>The range of the values at one place of a network.</summary>
/// <param name="Lowest">The lowest value.</param>
/// <param name="Highest">The highest value.</param>
internal readonly record struct ActivationRange(float Lowest, float Highest)
{
    /// <summary>The smallest range that includes this one and another.</summary>
    public ActivationRange Join(ActivationRange other) => new(MathF.Min(Lowest, other.Lowest), MathF.Max(Highest, other.Highest));

    /// <summary>The values as 8-bit unsigned integers: value = scale · (integer - zero point).</summary>
    /// <returns>The scale, which is the step between two integers, and the zero point, the integer that represents zero exactly.</returns>
    public (float Scale, byte ZeroPoint) Quantize()
    {
        float lowest = MathF.Min(Lowest, 0);
        float highest = MathF.Max(Highest, 0);
        float scale = (highest - lowest) / byte.MaxValue;
        return scale > 0 ? (scale, (byte)Math.Clamp(MathF.Round(-lowest / scale), byte.MinValue, byte.MaxValue)) : (1, 0);
    }
}
