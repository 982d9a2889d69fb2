namespace StableDiffusion.Sampling;

/// <summary>
/// The exponential function as PyTorch computes it for float32 on the CPU: its last bit counts where it gives a noise
/// level that the path of a <see cref="Noise.BrownianTreeNoise"/> is asked at.
/// </summary>
internal static class TorchMath
{
    // Beyond these, powers are infinite and 0 in float32; between them, whole stays within what numbers can be scaled by.
    private const float Highest = 100;
    private const float Lowest = -104;

    // ln 2 in two parts, the first one short enough for products without rounding.
    private const float Ln2High = 0.693145751953125f;
    private const float Ln2Low = 1.428606765330187045e-6f;
    private const float Log2E = 1.442695040888963407f;

    /// <summary>
    /// e to a power, to within one unit in the last place: Shibata and Petrogalli's <c>expf</c> of that bound ("SLEEF: A
    /// Portable Vectorized Library of C Standard Mathematical Functions", IEEE TPDS 31(6), 2020).
    /// </summary>
    /// <param name="value">The power.</param>
    /// <returns>The number; 0 or infinity where it is out of range. The same bits on every machine.</returns>
    public static float Exp(float value)
    {
        if (value > Highest)
            return float.PositiveInfinity;
        if (value < Lowest)
            return 0;
        if (float.IsNaN(value))
            return value;

        // value = whole * ln 2 + x
        float whole = MathF.Round(value * Log2E);
        float x = MathF.FusedMultiplyAdd(whole, -Ln2High, value);
        x = MathF.FusedMultiplyAdd(whole, -Ln2Low, x);

        // exp(x) = 1 + x + x^2 * a polynomial
        float square = 0.000198527617612853646278381f;
        square = MathF.FusedMultiplyAdd(square, x, 0.00139304355252534151077271f);
        square = MathF.FusedMultiplyAdd(square, x, 0.00833336077630519866943359f);
        square = MathF.FusedMultiplyAdd(square, x, 0.0416664853692054748535156f);
        square = MathF.FusedMultiplyAdd(square, x, 0.166666671633720397949219f);
        square = MathF.FusedMultiplyAdd(square, x, 0.5f);
        return MathF.ScaleB(1 + MathF.FusedMultiplyAdd(x * x, square, x), (int)whole);
    }
}
