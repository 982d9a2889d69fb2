namespace StableDiffusion.Onnx.Graphs;

/// <summary>What a node of a graph gives, an input or a constant: something that other nodes can read.</summary>
/// <param name="Name">Its name in the graph; empty for an optional input that is not given.</param>
internal readonly record struct Value(string Name)
{
    /// <summary>Stands for an optional input that is not given.</summary>
    public static Value None { get; } = new(string.Empty);
}
