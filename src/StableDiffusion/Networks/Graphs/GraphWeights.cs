using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Adds weights to a graph.</summary>
internal static class GraphWeights
{
    /// <summary>Adds a weight under its own name.</summary>
    public static Value Weight(this GraphBuilder graph, Weight weight) => graph.Weight(weight.ForGraph());

    /// <summary>Converts a weight for a graph, under its own name.</summary>
    public static GraphWeight ForGraph(this Weight weight) => new(weight.Name, weight.Shape, weight.Read) { Source = weight.Source };
}
