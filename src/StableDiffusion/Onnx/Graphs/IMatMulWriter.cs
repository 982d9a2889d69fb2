namespace StableDiffusion.Onnx.Graphs;

/// <summary>Writes the layers that take nearly all the time: convolutions and linear layers.</summary>
internal interface IMatMulWriter
{
    /// <summary>Adds a convolution.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, in channels, height, width].</param>
    /// <param name="weight">The kernels [out channels, in channels, height, width].</param>
    /// <param name="bias">The bias [out channels].</param>
    /// <param name="attributes">The attributes of the operator <c>Conv</c>.</param>
    /// <param name="path">Its place in the network.</param>
    /// <returns>Feature maps [batch, out channels, height, width].</returns>
    Value Convolve(GraphBuilder graph, Value x, GraphWeight weight, GraphWeight bias, ReadOnlySpan<NodeAttribute> attributes, string path);

    /// <summary>Adds a linear layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Values [.., in].</param>
    /// <param name="matrix">The matrix [in, out].</param>
    /// <param name="bias">The bias [out], or null for none.</param>
    /// <param name="path">Its place in the network.</param>
    /// <returns>Values [.., out].</returns>
    Value Multiply(GraphBuilder graph, Value x, GraphWeight matrix, GraphWeight? bias, string path);
}

/// <summary>A weight of a layer.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Read">Reads its values.</param>
internal sealed record GraphWeight(string Name, int[] Shape, InitializerReader Read)
{
    /// <summary>The file that it comes from, for messages; null if it is computed.</summary>
    public string? Source { get; init; }

    public int Count => Shape.Aggregate(1, static (count, length) => checked(count * length));
}
