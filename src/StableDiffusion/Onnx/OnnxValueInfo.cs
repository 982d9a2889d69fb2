using Microsoft.ML.OnnxRuntime.Tensors;

namespace StableDiffusion.Onnx;

/// <summary>The description of an input or output of a graph.</summary>
/// <param name="Name">The name in the graph.</param>
/// <param name="ElementType">The type of its elements.</param>
/// <param name="Dimensions">The length of each axis; -1 if the graph leaves it open.</param>
internal sealed record OnnxValueInfo(string Name, TensorElementType ElementType, IReadOnlyList<int> Dimensions)
{
    public int Rank => Dimensions.Count;
}
