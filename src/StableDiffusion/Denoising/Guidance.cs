using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>
/// Classifier-free guidance: away from what the negative prompt predicts, towards what the prompt predicts, or towards
/// each of several prompts by its weight.
/// </summary>
/// <remarks>
/// Ho and Salimans, arXiv 2207.12598; several prompts: Liu et al., arXiv 2206.01714; the rescale is section 3.4 of
/// Lin et al., arXiv 2305.08891; pictures: Brooks et al., arXiv 2211.09800.
/// </remarks>
internal sealed class Guidance(int length, GenerationSettings settings)
{
    /// <summary>Guidance changes a prediction only above this scale; at or below it the prompt's prediction is taken as it is.</summary>
    public const double NeutralScale = 1.0;

    private readonly double _scale = settings.GuidanceScale ?? NeutralScale;
    private readonly double _rescale = settings.GuidanceRescale ?? 0;
    private readonly float[] _guided = new float[length];
    private readonly float[] _difference = new float[length];
    private double _deviation;

    /// <summary>Begins with one prompt: negative + weight * scale * (positive - negative).</summary>
    /// <param name="positive">The prediction under the prompt.</param>
    /// <param name="negative">The prediction under the negative prompt.</param>
    /// <param name="weight">The prompt's weight.</param>
    public void Begin(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, double weight)
    {
        _deviation = _rescale > 0 ? StandardDeviation(positive) : 0;
        TensorPrimitives.Subtract(positive, negative, _guided);
        TensorPrimitives.Multiply(_guided, (float)(weight * _scale), _guided);
        TensorPrimitives.Add(_guided, negative, _guided);
    }

    /// <summary>Adds a further prompt: weight * scale * (positive - negative).</summary>
    /// <inheritdoc cref="Begin"/>
    public void Add(ReadOnlySpan<float> positive, ReadOnlySpan<float> negative, double weight) =>
        AddDifference(positive, negative, weight * _scale);

    /// <summary>
    /// Adds what a picture asks for. The sum is unseen + imageScale * (seen - unseen) + scale * (positive - seen), where
    /// the part of the prompt begins at <paramref name="seen"/> already.
    /// </summary>
    /// <param name="seen">The prediction under the negative prompt with the picture.</param>
    /// <param name="unseen">The prediction under the negative prompt without it.</param>
    /// <param name="imageScale">How strongly the picture is followed.</param>
    public void AddPicture(ReadOnlySpan<float> seen, ReadOnlySpan<float> unseen, double imageScale) => AddDifference(seen, unseen, imageScale - 1);

    /// <summary>
    /// Ends with the rescale, which draws the result's standard deviation back to the first prompt's prediction's,
    /// against overexposure.
    /// </summary>
    /// <returns>The guided prediction, in memory that the next call uses again.</returns>
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

        // Both deviations are over equally many values, so the divisor cancels in their ratio.
        return Math.Sqrt(squares / values.Length);
    }
}
