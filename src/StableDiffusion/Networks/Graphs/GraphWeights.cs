using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Puts weights into a graph.</summary>
internal static class GraphWeights
{
    /// <summary>Adds a weight as it is, under its own name.</summary>
    public static Value Weight(this GraphBuilder graph, Weight weight) => graph.Weight(weight.ForGraph());

    /// <summary>A weight as the graph takes it, under its own name.</summary>
    public static GraphWeight ForGraph(this Weight weight) => new(weight.Name, weight.Shape, weight.Read);
}
