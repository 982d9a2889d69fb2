namespace StableDiffusion.Sampling;

/// <summary>The operations of the schedulers' steps: weighted sums of spans.</summary>
internal static class VectorMath
{
    /// <summary>values = scale * values + weight * added</summary>
    public static void Combine(Span<float> values, double scale, ReadOnlySpan<float> added, double weight)
    {
        Scale(values, scale);
        Add(values, added, weight);
    }

    /// <summary>result = firstWeight * first + secondWeight * second</summary>
    public static void Combine(Span<float> result, ReadOnlySpan<float> first, double firstWeight, ReadOnlySpan<float> second, double secondWeight)
    {
        TensorPrimitives.Multiply(first, (float)firstWeight, result);
        Add(result, second, secondWeight);
    }

    /// <summary>values = scale * values</summary>
    public static void Scale(Span<float> values, double scale) => TensorPrimitives.Multiply(values, (float)scale, values);

    /// <summary>values = values + weight * added</summary>
    public static void Add(Span<float> values, ReadOnlySpan<float> added, double weight) =>
        TensorPrimitives.MultiplyAdd(added, (float)weight, values, values);
}
