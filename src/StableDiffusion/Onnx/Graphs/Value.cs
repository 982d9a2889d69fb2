namespace StableDiffusion.Onnx.Graphs;

/// <summary>The output of a node, an input or a constant: a value that nodes can read.</summary>
/// <param name="Name">Its name in the graph; empty for an omitted optional input.</param>
internal readonly record struct Value(string Name)
{
    /// <summary>An omitted optional input.</summary>
    public static Value None { get; } = new(string.Empty);
}
