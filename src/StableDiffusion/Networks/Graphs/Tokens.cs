using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Converts the pixels of feature maps to tokens of a sequence, and back.</summary>
internal static class Tokens
{
    /// <summary>Converts feature maps [batch, channels, height, width] to tokens [batch, height·width, channels].</summary>
    public static Value ToTokens(this GraphBuilder graph, Value featureMaps, int channels) =>
        graph.Transpose(graph.Reshape(featureMaps, 0, channels, -1), 0, 2, 1);

    /// <summary>Converts tokens [batch, height·width, channels] to feature maps of the shape of <paramref name="like"/>.</summary>
    public static Value ToFeatureMaps(this GraphBuilder graph, Value tokens, Value like) =>
        graph.Reshape(graph.Transpose(tokens, 0, 2, 1), graph.Shape(like, 0, 4));
}
