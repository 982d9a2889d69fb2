using StableDiffusion.Settings;

namespace StableDiffusion.Denoising.Masks;

/// <summary>
/// The blending of soft inpainting: where and how much of the image is kept depends on the noise level, and the blended latent
/// keeps its contrast. Source: A1111 1.10.1, its built-in extension soft-inpainting.
/// </summary>
internal sealed record SoftInpainting
{
    // Added to a length before it is divided by.
    private const double Least = 0.00001;

    /// <summary>The power of the noise level in the mask's exponent (schedule bias).</summary>
    public double Power { get; init; } = 1;

    /// <summary>The factor of the mask's exponent (preservation strength).</summary>
    public double Scale { get; init; } = 0.5;

    /// <summary>The exponent with which lengths are averaged (transition contrast boost).</summary>
    public double Contrast { get; init; } = 4;

    /// <summary>How far the mask decides where the image is pasted back, 0 to 1 (mask influence).</summary>
    public double MaskInfluence { get; init; }

    /// <summary>The difference of latents at which half of the image is pasted back (difference threshold).</summary>
    public double DifferenceThreshold { get; init; } = 0.5;

    /// <summary>How sharp the limit is between what is pasted back and what is not (difference contrast).</summary>
    public double DifferenceContrast { get; init; } = 2;

    /// <summary>Reads them from the settings of an image.</summary>
    /// <param name="settings">The settings.</param>
    public static SoftInpainting From(GenerationSettings settings)
    {
        SoftInpainting defaults = new();
        return new SoftInpainting
        {
            Power = settings.SoftScheduleBias ?? defaults.Power,
            Scale = settings.SoftPreservationStrength ?? defaults.Scale,
            Contrast = settings.SoftContrastBoost ?? defaults.Contrast,
            MaskInfluence = settings.SoftMaskInfluence ?? defaults.MaskInfluence,
            DifferenceThreshold = settings.SoftDifferenceThreshold ?? defaults.DifferenceThreshold,
            DifferenceContrast = settings.SoftDifferenceContrast ?? defaults.DifferenceContrast,
        };
    }

    /// <summary>The mask of a call.</summary>
    /// <param name="mask">The mask: 1 where the image is repainted, 0 where it is kept.</param>
    /// <param name="sigma">The noise level.</param>
    /// <param name="modified">Receives the mask of the call, which repaints more at low noise levels.</param>
    public void Modify(ReadOnlySpan<float> mask, double sigma, Span<float> modified) =>
        TensorPrimitives.Pow(mask, (float)(Math.Pow(sigma, Power) * Scale), modified);

    /// <summary>Mixes two latents; the length of the mixed vector of each cell is the power mean of both.</summary>
    /// <param name="kept">The latent of the image, channel by channel.</param>
    /// <param name="painted">The clean prediction, of the same length; receives the result.</param>
    /// <param name="mask">The share of the prediction in each cell, 0 to 1.</param>
    public void Blend(ReadOnlySpan<float> kept, Span<float> painted, ReadOnlySpan<float> mask)
    {
        for (int cell = 0; cell < mask.Length; cell++)
        {
            (float share, double keptSquares, double paintedSquares, double mixedSquares) = (mask[cell], 0, 0, 0);
            for (int i = cell; i < painted.Length; i += mask.Length)
            {
                (float left, float right) = (kept[i], painted[i]);
                float mixed = (left * (1 - share)) + (right * share);
                keptSquares += (double)left * left;
                paintedSquares += (double)right * right;
                mixedSquares += (double)mixed * mixed;
                painted[i] = mixed;
            }

            double wanted = Math.Pow(
                (Math.Pow(Math.Sqrt(keptSquares), Contrast) * (1 - share)) + (Math.Pow(Math.Sqrt(paintedSquares), Contrast) * share), 1 / Contrast);
            float factor = (float)(wanted / (Math.Sqrt(mixedSquares) + Least));
            for (int i = cell; i < painted.Length; i += mask.Length)
                painted[i] *= factor;
        }
    }
}
