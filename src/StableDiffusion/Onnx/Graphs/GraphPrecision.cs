namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// In which numbers a graph is kept and computed. How a weight lies in the file and what the nodes compute in are two
/// things, so that graphs of several kinds can share one file of weights.
/// </summary>
internal sealed record GraphPrecision
{
    /// <summary>32-bit floats throughout.</summary>
    public static GraphPrecision Full { get; } = new();

    /// <summary>16-bit floats throughout, but for inputs and outputs and for what a graph asks to have in 32 bits.</summary>
    public static GraphPrecision Half { get; } = new() { StoresHalf = true, ComputesHalf = true };

    /// <summary>Weights of 16 bits that are computed with in 32: for devices without arithmetic of 16 bits, and where its range is too small.</summary>
    public static GraphPrecision FullOfHalf { get; } = new() { StoresHalf = true };

    /// <summary>Whether weights are kept as 16-bit floats.</summary>
    public bool StoresHalf { get; init; }

    /// <summary>Whether the nodes compute in 16-bit floats.</summary>
    public bool ComputesHalf { get; init; }

    /// <summary>How convolutions and linear layers are written.</summary>
    public IMatMulWriter MatMul { get; init; } = FloatMatMul.Instance;
}
