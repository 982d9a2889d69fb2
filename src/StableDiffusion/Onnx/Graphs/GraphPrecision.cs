namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// The types in which a graph stores its weights and computes. The two are independent, so that several graphs can share one
/// file of weights.
/// </summary>
internal sealed record GraphPrecision
{
    /// <summary>32-bit floats throughout.</summary>
    public static GraphPrecision Full { get; } = new();

    /// <summary>16-bit floats, except for inputs, outputs and values that a graph requires in 32 bits.</summary>
    public static GraphPrecision Half { get; } = new() { StoresHalf = true, ComputesHalf = true };

    /// <summary>Weights in 16-bit floats and computation in 32-bit floats: for devices without 16-bit arithmetic, and if the range of 16-bit floats is too small.</summary>
    public static GraphPrecision FullOfHalf { get; } = new() { StoresHalf = true };

    public bool StoresHalf { get; init; }

    public bool ComputesHalf { get; init; }

    /// <summary>Writes the convolutions and linear layers.</summary>
    public IMatMulWriter MatMul { get; init; } = FloatMatMul.Instance;
}
