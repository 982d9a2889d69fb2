using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// A layer of a graph with its weight as in the network: [out, in, kernel]. In the graph, the matrix may be transposed, and its
/// halves may be separate.
/// </summary>
internal sealed class AdaptableLayer
{
    private const string WeightEnding = ".weight";
    private const string BiasEnding = ".bias";
    private const string EmbeddingEnding = "_embedding";

    private readonly GraphInitializers _graph;
    private readonly bool _isTransposed;
    private readonly string[] _weights;
    private readonly string[] _biases;

    private AdaptableLayer(GraphInitializers graph, string path, string[] weights, string[] biases)
    {
        _graph = graph;
        _weights = weights;
        _biases = biases;
        Path = path;
        int[] shape = graph.ShapeOf(weights[0]);
        _isTransposed = shape.Length == 2 && !path.EndsWith(EmbeddingEnding, StringComparison.Ordinal);
        int axis = _isTransposed ? 1 : 0;
        foreach (string weight in weights)
            OutWidth += graph.ShapeOf(weight)[axis];
        InWidth = shape.Length > 1 ? shape[1 - axis] : 1;
        InnerCount = shape.Aggregate(1, static (product, length) => checked(product * length)) / shape[axis];
    }

    /// <summary>The path of the layer in the network, by diffusers' names.</summary>
    public string Path { get; }

    public int OutWidth { get; }

    public int InWidth { get; }

    /// <summary>The number of weight values per output: the inputs, times the kernel of a convolution.</summary>
    public int InnerCount { get; }

    /// <summary>Lists the layers of a graph by their paths, with underscores in place of dots.</summary>
    public static IReadOnlyDictionary<string, AdaptableLayer> ListOf(GraphInitializers graph)
    {
        Dictionary<string, AdaptableLayer> layers = new(StringComparer.Ordinal);
        HashSet<string> names = [.. graph.Names];
        foreach (string name in names)
        {
            string path = name.EndsWith(WeightEnding, StringComparison.Ordinal) ? name[..^WeightEnding.Length]
                : name.EndsWith($"{WeightEnding}.{FeedForward.HalfNames[0]}", StringComparison.Ordinal) ? name[..^(WeightEnding.Length + 1 + FeedForward.HalfNames[0].Length)]
                : string.Empty;
            if (path.Length == 0)
                continue;

            string[] weights = PartsOf(path + WeightEnding);
            string[] biases = PartsOf(path + BiasEnding);
            int[] shape = graph.ShapeOf(weights[0]);
            bool isLayer = shape.Length > 0 && shape.All(static length => length > 0)
                && weights.All(weight => graph.ShapeOf(weight).AsSpan().SequenceEqual(shape)) && weights.Concat(biases).All(part => graph.TypeOf(part) is not null);
            if (isLayer)
                layers[path.Replace('.', '_')] = new AdaptableLayer(graph, path, weights, biases);
        }

        return layers;

        string[] PartsOf(string name) => names.Contains(name)
            ? [name]
            : [.. FeedForward.HalfNames.Select(half => $"{name}.{half}").Where(names.Contains)];
    }

    /// <summary>Whether the weight is stored as integers.</summary>
    public bool IsQuantized => _graph.IsQuantized(_weights[0]);

    /// <summary>The initializers of the weight, or of the bias.</summary>
    public IReadOnlyList<string> Names(bool isBias) => isBias ? _biases : _weights;

    /// <summary>Reads the weight [out, in · kernel].</summary>
    public float[] ReadWeight()
    {
        // What the graph says is compared with its file first.
        float[][] parts = [.. _weights.Select(_graph.Read)];
        float[] weight = new float[checked(OutWidth * InnerCount)];
        int start = 0;
        foreach (float[] values in parts)
        {
            if (_isTransposed)
                Matrix.Transpose(values, InnerCount, values.Length / InnerCount, weight.AsSpan(start));
            else
                values.CopyTo(weight.AsSpan(start));
            start += values.Length;
        }

        return weight;
    }

    /// <summary>Adds a change to the weight or the bias, in the form that the graph stores it in.</summary>
    /// <param name="isBias">Whether it is the bias.</param>
    /// <param name="change">The change of the weight [out, in · kernel], or of the bias [out].</param>
    /// <param name="write">Receives the changed values of each initializer.</param>
    public void Add(bool isBias, ReadOnlySpan<float> change, WeightWriter write)
    {
        foreach (string name in Names(isBias))
        {
            float[] values = _graph.Read(name);
            ReadOnlySpan<float> part = change[..values.Length];
            change = change[values.Length..];
            if (!isBias && _isTransposed)
                Matrix.AddTransposed(part, values.Length / InnerCount, InnerCount, values);
            else
                TensorPrimitives.Add(values, part, values);
            write(name, _graph.TypeOf(name)!.Value, _graph.ShapeOf(name), values);
        }
    }
}

/// <summary>Receives the new values of an initializer.</summary>
/// <param name="name">Its name in the graph.</param>
/// <param name="type">The type that the graph stores it as: F32 or F16.</param>
/// <param name="shape">Its shape in the graph.</param>
/// <param name="values">Its values in row-major order, which the receiver may keep.</param>
/// <remarks>It is called on several threads at once, in any order.</remarks>
internal delegate void WeightWriter(string name, StoredElementType type, ReadOnlySpan<int> shape, float[] values);
