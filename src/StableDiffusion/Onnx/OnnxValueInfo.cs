using Microsoft.ML.OnnxRuntime.Tensors;

namespace StableDiffusion.Onnx;

/// <summary>What a graph says of one of its inputs or outputs.</summary>
/// <param name="Name">The name in the graph.</param>
/// <param name="ElementType">The type of its elements.</param>
/// <param name="Dimensions">The length of each axis, -1 where the graph leaves it open.</param>
internal sealed record OnnxValueInfo(string Name, TensorElementType ElementType, IReadOnlyList<int> Dimensions)
{
    public int Rank => Dimensions.Count;
}
