namespace StableDiffusion.Quantization;

/// <summary>The values that run through one place of a network.</summary>
/// <param name="Lowest">The lowest.</param>
/// <param name="Highest">The highest.</param>
internal readonly record struct ActivationRange(float Lowest, float Highest)
{
    /// <summary>The range that holds this one and another.</summary>
    public ActivationRange Join(ActivationRange other) => new(MathF.Min(Lowest, other.Lowest), MathF.Max(Highest, other.Highest));

    /// <summary>The values as 8-bit unsigned integers: value = scale · (integer - zero point).</summary>
    /// <returns>The step from one integer to the next, and the integer that stands for zero, which is held exactly.</returns>
    public (float Scale, byte ZeroPoint) Quantize()
    {
        float lowest = MathF.Min(Lowest, 0);
        float highest = MathF.Max(Highest, 0);
        float scale = (highest - lowest) / byte.MaxValue;
        return scale > 0 ? (scale, (byte)Math.Clamp(MathF.Round(-lowest / scale), byte.MinValue, byte.MaxValue)) : (1, 0);
    }
}
