using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>
/// Classifier-free guidance: moves the prediction away from that of the negative prompt, towards that of the prompt, or towards
/// those of several prompts by their weights.
/// </summary>
/// <remarks>
/// Ho and Salimans, arXiv 2207.12598; several prompts: Liu et al., arXiv 2206.01714; guidance rescale: section 3.4 of
/// Lin et al., arXiv 2305.08891; images: Brooks et al., arXiv 2211.09800;
/// guidance at some noise levels: Kynkäänniemi et al., arXiv 2404.07724.
/// </remarks>
internal sealed class Guidance(int length, GenerationSettings settings)
{
    /// <summary>The scale up to which there is no guidance: the prompt's prediction is used unchanged.</summary>
    public const double NeutralScale = 1.0;

    private readonly double _rescale = settings.GuidanceRescale ?? 0;
    private readonly float[] _guided = new float[length];
    private readonly float[] _difference = new float[length];
    private double _scale;
    private double _deviation;

    /// <summary>Whether guidance takes effect at all steps and noise levels.</summary>
    /// <param name="settings">The settings of the image.</param>
    public static bool IsInEveryCall(GenerationSettings settings) => settings is { GuidanceStart: null or 0, GuidanceEnd: null or 1, GuidanceSigmaMin: null, GuidanceSigmaMax: null };

    /// <summary>Sets the scale for a call: the neutral one outside the steps and the noise levels that guidance takes effect in.</summary>
    /// <param name="step">The index of the step, from 0.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="sigma">The noise level of the call.</param>
    /// <returns>Whether the call is guided.</returns>
    public bool Advance(int step, int steps, double sigma)
    {
        bool isOutside = (double)step / steps < settings.GuidanceStart || (double)(step + 1) / steps > settings.GuidanceEnd
            || sigma <= settings.GuidanceSigmaMin || sigma > settings.GuidanceSigmaMax;
        _scale = isOutside ? NeutralScale : settings.GuidanceScale ?? NeutralScale;
        return _scale > NeutralScale;
    }

    /// <summary>Starts with one prompt: negative + weight * scale * (positive - negative).</summary>
    /// <param name="positive">The prediction for the prompt.</param>
    /// <param name="negative">The prediction for the negative prompt.</param>
    /// <param name="weight">The weight of the prompt.</param>
    public void Begin(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, double weight)
    {
        _deviation = _rescale > 0 ? StandardDeviation(positive) : 0;
        TensorPrimitives.Subtract(positive, negative, _guided);
        TensorPrimitives.Multiply(_guided, (float)(weight * _scale), _guided);
        TensorPrimitives.Add(_guided, negative, _guided);
    }

    /// <summary>Adds another prompt: weight * scale * (positive - negative).</summary>
    /// <inheritdoc cref="Begin"/>
    public void Add(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, double weight) =>
        AddDifference(positive, negative, weight * _scale);

    /// <summary>
    /// Adds the guidance by an image. The sum is unseen + imageScale * (seen - unseen) + scale * (positive - seen), where the part
    /// of the prompt already starts at <paramref name="seen"/>.
    /// </summary>
    /// <param name="seen">The prediction for the negative prompt with the image.</param>
    /// <param name="unseen">The prediction for the negative prompt without the image.</param>
    /// <param name="imageScale">The image guidance scale.</param>
    public void AddImage(ReadOnlySpan<float> seen, ReadOnlySpan<float> unseen, double imageScale) => AddDifference(seen, unseen, imageScale - 1);

    /// <summary>
    /// Returns the result after the rescale, which moves its standard deviation towards that of the first prompt's prediction, to
    /// prevent overexposure.
    /// </summary>
    /// <returns>The guided prediction, in memory that the next call reuses.</returns>
    public ReadOnlySpan<float> End()
    {
        if (_rescale > 0)
        {
            double ratio = _deviation / StandardDeviation(_guided);
            TensorPrimitives.Multiply(_guided, (float)((_rescale * ratio) + (1 - _rescale)), _guided);
        }

        return _guided;
    }

    private void AddDifference(ReadOnlySpan<float> to, ReadOnlySpan<float> from, double factor)
    {
        TensorPrimitives.Subtract(to, from, _difference);
        TensorPrimitives.MultiplyAdd(_difference, (float)factor, _guided, _guided);
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

        // Both deviations are over the same number of values, so the divisor cancels in their ratio.
        return Math.Sqrt(squares / values.Length);
    }
}
