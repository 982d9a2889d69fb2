namespace StableDiffusion.Denoising;

/// <summary>Classifier-free guidance: away from what the negative prompt predicts, towards what the prompt predicts.</summary>
/// <remarks>Ho and Salimans, arXiv 2207.12598; the rescale is section 3.4 of Lin et al., arXiv 2305.08891.</remarks>
internal static class Guidance
{
    /// <summary>Guidance changes a prediction only above this scale; at or below it the prompt's prediction is taken as it is.</summary>
    public const double NeutralScale = 1.0;

    /// <summary>Combines two predictions into <paramref name="guided"/>: negative + scale * (positive - negative).</summary>
    /// <param name="positive">The prediction under the prompt.</param>
    /// <param name="negative">The prediction under the negative prompt.</param>
    /// <param name="scale">The guidance scale.</param>
    /// <param name="rescale">
    /// How far (0 to 1) the result's standard deviation is drawn back to the prompt's prediction's, against overexposure.
    /// </param>
    /// <param name="guided">Receives the result; may be neither of the inputs.</param>
    public static void Combine(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, float scale, float rescale, Span<float> guided)
    {
        TensorPrimitives.Subtract(positive, negative, guided);
        TensorPrimitives.Multiply(guided, scale, guided);
        TensorPrimitives.Add(guided, negative, guided);

        if (rescale <= 0)
            return;

        double ratio = StandardDeviation(positive) / StandardDeviation(guided);
        float factor = (float)((rescale * ratio) + (1 - rescale));
        TensorPrimitives.Multiply(guided, factor, guided);
    }

    private static double StandardDeviation(ReadOnlySpan<float> values)
    {
        double mean = 0;
        foreach (float value in values)
            mean += value;
        mean /= values.Length;

        double squares = 0;
        foreach (float value in values)
            squares += (value - mean) * (value - mean);

        // Both deviations are over equally many values, so the divisor cancels in their ratio.
        return Math.Sqrt(squares / values.Length);
    }
}
