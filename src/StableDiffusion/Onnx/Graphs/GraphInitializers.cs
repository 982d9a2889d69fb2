using System.Globalization;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// The weights of a graph that <see cref="GraphBuilder"/> wrote, open for reading. Small weights are in the graph, large ones
/// in the file beside it. Several threads may read at the same time; disposing is not thread-safe.
/// </summary>
internal sealed class GraphInitializers : IDisposable
{
    // Graphs of this writer contain no large weights; a larger file was written by another exporter and need not be read.
    private const long LargestGraph = 256L << 20;

    // These operators read a weight directly. ONNX Runtime folds the results of other operators on weights while it optimizes.
    private static readonly HashSet<string> s_directReaders = new(StringComparer.Ordinal) { "MatMul", "Add", "Mul", "LayerNormalization", "Gather", "Slice" };

    private readonly string _path;
    private readonly ModelProto _model;
    private readonly Dictionary<string, TensorProto> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RandomAccessFile> _files = new(StringComparer.Ordinal);

    private GraphInitializers(string path, ModelProto model)
    {
        _path = path;
        _model = model;
        foreach (TensorProto tensor in model.Graph.Initializer)
            _tensors[tensor.Name] = tensor;
    }

    /// <summary>The names of the initializers, and those of quantized weights and biases without the endings of their parts.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Concat(_tensors.Keys.Select(WithoutEnding).OfType<string>());

    /// <summary>The path of the graph's file.</summary>
    public string Path => _path;

    /// <summary>Opens a graph.</summary>
    /// <param name="path">The full path of its <c>.onnx</c> file.</param>
    /// <returns>The weights; null if another exporter wrote the graph, since its names and layout are not known.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged.</exception>
    public static GraphInitializers? Open(string path)
    {
        if (!File.Exists(path))
            throw new ModelNotFoundException($"The model has no file '{path}'. Get the model again, or name another one.");
        try
        {
            using FileStream stream = RegularFile.Open(path);
            if (stream.Length > LargestGraph)
                return null;

            ModelProto model = ModelProto.Parser.ParseFrom(stream);
            return model.ProducerName == GraphBuilder.Producer && model.Graph is not null ? new GraphInitializers(path, model) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be read: {Sentence.Of(error)} Get the model again.", error);
        }
    }

    /// <summary>The shape of an initializer, whose number of values fits into 32 bits.</summary>
    /// <exception cref="ModelInvalidException">The graph is damaged.</exception>
    public int[] ShapeOf(string name)
    {
        TensorProto tensor = Find(name);
        int[] shape = new int[tensor.Dims.Count];
        long count = 1;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            long length = tensor.Dims[axis];
            if (length is < 0 or > int.MaxValue || (count *= Math.Max(length, 1)) > int.MaxValue)
                throw Damaged(name);
            shape[axis] = (int)length;
        }

        return shape;
    }

    /// <summary>Whether a weight or bias is stored as integers with scales, as <see cref="QuantizedWeight"/> writes them.</summary>
    public bool IsQuantized(string name) => !_tensors.ContainsKey(name);

    /// <summary>The type that an initializer is stored as, and 32-bit floats for a quantized one; null if its values cannot be changed.</summary>
    public StoredElementType? TypeOf(string name) => Find(name).DataType switch
    {
        _ when IsQuantized(name) => StoredElementType.F32,
        DataType.Float => StoredElementType.F32,
        DataType.Float16 => StoredElementType.F16,
        _ => null,
    };

    /// <summary>Returns ONNX Runtime's optimizers that must not run if these weights are to be replaced.</summary>
    /// <param name="names">The initializers that are replaced.</param>
    /// <returns>The names of optimizers.</returns>
    public IReadOnlyList<string> OptimizersToLeaveOut(IReadOnlySet<string> names)
    {
        SortedSet<string> optimizers = new(StringComparer.Ordinal);
        foreach (NodeProto node in _model.Graph.Node)
        {
            if (s_directReaders.Contains(node.OpType) || !node.Input.Any(names.Contains))
                continue;

            // The weights of convolutions are rearranged using the values in the file.
            optimizers.Add("NchwcTransformer");
            if (node.OpType != "Conv")
                optimizers.Add("ConstantFolding");
        }

        return [.. optimizers];
    }

    /// <summary>Reads an initializer, or the values of a quantized one.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its values in row-major order.</returns>
    /// <exception cref="ModelInvalidException">The graph or the file beside it is damaged.</exception>
    public float[] Read(string name)
    {
        if (!_tensors.TryGetValue(name, out TensorProto? tensor))
            return Dequantize(name);

        int count = ShapeOf(name).Aggregate(1, static (product, length) => product * length);
        StoredElementType type = tensor.DataType switch
        {
            DataType.Int8 => StoredElementType.I8,
            DataType.Int32 => StoredElementType.I32,
            _ => TypeOf(name) ?? throw Damaged(name),
        };

        // What the graph says is compared with what there is, before memory is taken for it.
        long bytes = (long)count * StoredTensor.SizeOf(type);
        if (PlaceOf(name, bytes) is not (string location, long offset))
        {
            float[] inline = GC.AllocateUninitializedArray<float>(count);
            ElementConversion.ToSingle(type, tensor.RawData.Span, inline);
            return inline;
        }

        RandomAccessFile? file;
        lock (_files)
        {
            if (!_files.TryGetValue(location, out file))
                _files.Add(location, file = RandomAccessFile.Open(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(_path)!, location)));
        }

        if (offset > file.Length - bytes)
            throw Damaged(name);
        float[] values = GC.AllocateUninitializedArray<float>(count);
        file.ReadValues(type, offset, values);
        return values;
    }

    /// <summary>Where the values of an initializer are.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">The number of bytes that it must have.</param>
    /// <returns>The name of the file beside the graph and the position in it; null if they are in the graph.</returns>
    /// <exception cref="ModelInvalidException">The graph is damaged.</exception>
    public (string File, long Offset)? PlaceOf(string name, long bytes)
    {
        TensorProto tensor = _tensors[name];
        if (tensor.DataLocation != TensorProto.Types.DataLocation.External)
            return tensor.RawData.Length == bytes ? null : throw Damaged(name);

        Dictionary<string, string> place = new(StringComparer.Ordinal);
        foreach (StringStringEntryProto entry in tensor.ExternalData)
            place[entry.Key] = entry.Value;
        string location = place.GetValueOrDefault("location", string.Empty);
        if (!ModelFilePath.IsSafeName(location) || !TryGet("offset", 0, out long offset) || !TryGet("length", bytes, out long length) || length != bytes || offset < 0)
            throw Damaged(name);
        return (location, offset);

        bool TryGet(string key, long absent, out long value)
        {
            value = absent;
            return !place.TryGetValue(key, out string? text) || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        }
    }

    public void Dispose()
    {
        foreach (RandomAccessFile file in _files.Values)
            file.Dispose();
    }

    /// <summary>The values of a quantized weight [out, in, kernel] or [in, out], or of a quantized bias [out].</summary>
    private float[] Dequantize(string name)
    {
        string stored = Find(name).Name;
        float[] values = Read(stored), scales = Read(name + QuantizedWeight.ScalesEnding);
        int run = QuantizedWeight.RunLength(ShapeOf(stored));
        if (scales.Length * (long)run > values.Length || values.Length % Math.Max(scales.Length, 1) != 0)
            throw Damaged(name);
        for (int i = 0; i < values.Length; i++)
            values[i] *= scales[i / run % scales.Length];
        return values;
    }

    private TensorProto Find(string name) => _tensors.GetValueOrDefault(name) ?? _tensors.GetValueOrDefault(name + QuantizedWeight.ValuesEnding) ?? _tensors[name + QuantizedWeight.BiasEnding];

    private string? WithoutEnding(string name)
    {
        foreach (string ending in (ReadOnlySpan<string>)[QuantizedWeight.ValuesEnding, QuantizedWeight.BiasEnding])
        {
            if (name.EndsWith(ending, StringComparison.Ordinal) && _tensors.ContainsKey(name[..^ending.Length] + QuantizedWeight.ScalesEnding))
                return name[..^ending.Length];
        }

        return null;
    }

    private ModelInvalidException Damaged(string name) =>
        new($"The weight '{name}' of the graph '{_path}' is not where the graph says, or is cut off. Delete the cached graphs, so that the graph is built again.") { Remedy = Remedy.DeleteGraphs };
}
