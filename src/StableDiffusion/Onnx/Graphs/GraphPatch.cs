using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// A copy of the graphs of a part with changed weights: of all graphs in its folder, which share their weights. Quantized weights
/// are quantized again, with new scales for each output channel; the ranges of the values between the layers stay.
/// </summary>
internal sealed class GraphPatch : IDisposable
{
    private const string GraphPattern = "*.onnx";

    private readonly GraphInitializers _source;
    private readonly string _sourceFolder;
    private readonly string _folder;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FileStream> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _inline = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _biases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _scales = new(StringComparer.Ordinal);

    /// <summary>Copies the weights, which are then changed in the copy.</summary>
    /// <param name="source">The graph that has all weights of the part.</param>
    /// <param name="folder">The full path of the folder for the copy, which exists and is empty.</param>
    public GraphPatch(GraphInitializers source, string folder)
    {
        _source = source;
        _folder = folder;
        _sourceFolder = Path.GetDirectoryName(source.Path)!;
        foreach (string file in Directory.EnumerateFiles(_sourceFolder, $"{GraphPattern}{GraphBuilder.ExternalDataSuffix}"))
        {
            string copy = Path.Combine(folder, Path.GetFileName(file));
            File.Copy(file, copy);
            File.SetAttributes(copy, FileAttributes.Normal);
        }
    }

    /// <summary>Changes a weight or bias. Thread-safe; each has its own place in the files, so the order does not matter.</summary>
    /// <param name="name">Its name, without the endings of the parts of a quantized one.</param>
    /// <param name="type">The type that it is stored as, if it is not quantized.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="values">Its new values in row-major order, which must not change before <see cref="Save"/>.</param>
    public void Write(string name, StoredElementType type, ReadOnlySpan<int> shape, float[] values)
    {
        if (!_source.IsQuantized(name))
        {
            WriteBytes(name, type == StoredElementType.F16 ? ToHalf(values) : MemoryMarshal.AsBytes<float>(values));
        }
        else if (shape.Length == 1)
        {
            lock (_gate)
                _biases[name] = values;
        }
        else
        {
            int runLength = QuantizedWeight.RunLength(shape.ToArray());
            float[] scales = new float[_source.ShapeOf(name + QuantizedWeight.ScalesEnding)[0]];
            sbyte[] integers = GC.AllocateUninitializedArray<sbyte>(values.Length);
            QuantizedWeight.Quantize(values, runLength, scales, integers);
            WriteBytes(name + QuantizedWeight.ValuesEnding, MemoryMarshal.AsBytes<sbyte>(integers));
            WriteBytes(name + QuantizedWeight.ScalesEnding, MemoryMarshal.AsBytes<float>(scales));
            lock (_gate)
                _scales[name] = scales;
        }
    }

    /// <summary>Writes the graphs.</summary>
    /// <param name="biasOf">The name of the bias of the layer that a weight belongs to; null if it has none.</param>
    public void Save(Func<string, string?> biasOf)
    {
        HashSet<string> written = new(StringComparer.Ordinal);
        foreach ((string weight, float[] scales) in _scales)
        {
            // The scales of a bias are those of the weight times that of the input.
            if (biasOf(weight) is string bias && _source.IsQuantized(bias) && written.Add(bias))
            {
                float[] before = _source.Read(weight + QuantizedWeight.ScalesEnding), products = _source.Read(bias + QuantizedWeight.ScalesEnding);
                float[] biasScales = [.. products.Select((product, channel) => product / before[channel] * scales[channel])];
                WriteBias(bias, _biases.GetValueOrDefault(bias) ?? _source.Read(bias), biasScales);
                WriteBytes(bias + QuantizedWeight.ScalesEnding, MemoryMarshal.AsBytes<float>(biasScales));
            }
        }

        foreach ((string bias, float[] values) in _biases.Where(item => !written.Contains(item.Key)))
            WriteBias(bias, values, _source.Read(bias + QuantizedWeight.ScalesEnding));
        foreach (FileStream file in _files.Values)
            file.Flush(flushToDisk: true);
        foreach (string graph in Directory.EnumerateFiles(_sourceFolder, GraphPattern))
            WriteGraph(graph);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (FileStream file in _files.Values)
            file.Dispose();
    }

    private static byte[] ToHalf(ReadOnlySpan<float> values)
    {
        Half[] halves = new Half[values.Length];
        TensorPrimitives.ConvertToHalf(values, halves);
        return MemoryMarshal.AsBytes<Half>(halves).ToArray();
    }

    private void WriteBias(string name, float[] values, float[] scales)
    {
        int[] integers = [.. values.Select((value, channel) => int.CreateSaturating(Math.Round(value / (double)scales[channel])))];
        WriteBytes(name + QuantizedWeight.BiasEnding, MemoryMarshal.AsBytes<int>(integers));
    }

    private void WriteBytes(string tensor, ReadOnlySpan<byte> bytes)
    {
        (string, long)? place = _source.PlaceOf(tensor, bytes.Length);
        lock (_gate)
        {
            if (place is not (string location, long offset))
            {
                _inline[tensor] = bytes.ToArray();
                return;
            }

            if (!_files.TryGetValue(location, out FileStream? file))
                _files.Add(location, file = new FileStream(Path.Combine(_folder, location), FileMode.Open, FileAccess.Write));
            file.Position = offset;
            file.Write(bytes);
        }
    }

    private void WriteGraph(string graph)
    {
        ModelProto model;
        using (FileStream source = RegularFile.Open(graph))
            model = ModelProto.Parser.ParseFrom(source);
        foreach (TensorProto tensor in model.Graph.Initializer)
        {
            if (_inline.TryGetValue(tensor.Name, out byte[]? bytes))
                tensor.RawData = UnsafeByteOperations.UnsafeWrap(bytes);
        }

        using FileStream target = new(Path.Combine(_folder, Path.GetFileName(graph)), FileMode.CreateNew, FileAccess.Write);
        model.WriteTo(target);
        target.Flush(flushToDisk: true);
    }
}
