namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// Limits the values of the predicted clean sample: dynamic thresholding (Saharia et al., "Photorealistic Text-to-Image
/// Diffusion Models with Deep Language Understanding", arXiv:2205.11487, section 2.3), or plain clipping.
/// </summary>
internal sealed class DynamicThresholding
{
    private readonly bool _thresholds;
    private readonly double _ratio;
    private readonly float _maximum;
    private readonly float? _clip;

    /// <summary>Reads <see cref="SchedulerOptions.Thresholding"/> and, if the scheduler has it, <see cref="SchedulerOptions.ClipSample"/>.</summary>
    public DynamicThresholding(SchedulerSettings settings)
    {
        _thresholds = settings.Optional("thresholding") is true;
        if (_thresholds)
        {
            _ratio = settings.Number("dynamic_thresholding_ratio");
            _maximum = (float)settings.Number("sample_max_value");
        }

        if (settings.Optional("clip_sample") is true)
            _clip = (float)settings.Number("clip_sample_range");
    }

    /// <summary>Whether it changes anything.</summary>
    public bool IsActive => _thresholds || _clip is not null;

    /// <summary>Limits the values of a sample.</summary>
    /// <param name="clean">The predicted clean sample; changed in place.</param>
    /// <param name="scratch">A buffer of the same length, for sorting.</param>
    public void Apply(Span<float> clean, Span<float> scratch)
    {
        if (_thresholds)
        {
            TensorPrimitives.Abs(clean, scratch);
            float threshold = Math.Min(Math.Max(Quantile(scratch), 1), _maximum);
            Clamp(clean, threshold);
            TensorPrimitives.Divide(clean, threshold, clean);
        }
        else if (_clip is float clip)
        {
            Clamp(clean, clip);
        }
    }

    private static void Clamp(Span<float> values, float bound)
    {
        TensorPrimitives.Min(values, bound, values);
        TensorPrimitives.Max(values, -bound, values);
    }

    private float Quantile(Span<float> values)
    {
        values.Sort();
        float rank = (float)_ratio * (values.Length - 1);
        int low = (int)rank;
        int high = Math.Min(low + 1, values.Length - 1);
        return values[low] + ((values[high] - values[low]) * (rank - low));
    }
}
