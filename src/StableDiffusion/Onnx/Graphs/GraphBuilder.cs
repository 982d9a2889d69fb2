using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>Reads the values of an initializer when the graph is saved.</summary>
/// <param name="destination">Receives all values in row-major order.</param>
internal delegate void InitializerReader(Span<float> destination);

/// <summary>Reads the values of an integer initializer when the graph is saved.</summary>
/// <typeparam name="T">The integer type.</typeparam>
/// <param name="destination">Receives all values in row-major order.</param>
internal delegate void IntegerReader<T>(Span<T> destination);

/// <summary>
/// Builds an ONNX graph. Nodes are added in the order of the data flow. Weights are read only when the graph is saved: they
/// are then streamed, one at a time, into a single file beside it.
/// </summary>
/// <param name="name">The graph's name.</param>
/// <param name="precision">The types in which weights are stored and values are computed; 32-bit floats if null.</param>
internal sealed class GraphBuilder(string name, GraphPrecision? precision = null)
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    public const string MicrosoftDomain = "com.microsoft";

    /// <summary>The suffix of the file of large weights beside <c>model.onnx</c>, as other exporters use it.</summary>
    public const string ExternalDataSuffix = "_data";

    /// <summary>The producer name written into graphs.</summary>
    public const string Producer = nameof(StableDiffusion);

    private const int OpsetVersion = 17;
    private const int IrVersion = 8;

    // Weights of a few thousand values are biases and norms: cheaper to read with the graph than to map.
    private const int LargestInline = 4096;

    // ONNX requires multiples of a page, so that a runtime can map the weights instead of copying them.
    private const int Alignment = 4096;

    private const int SingleSize = sizeof(float);
    private const int HalfSize = sizeof(ushort);

    private readonly GraphPrecision _precision = precision ?? GraphPrecision.Full;
    private readonly GraphProto _graph = new() { Name = name };
    private readonly Dictionary<string, Initializer> _initializers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _counters = new(StringComparer.Ordinal);
    private readonly Dictionary<(DataType Type, bool IsScalar, string Bytes), Value> _constants = [];
    private readonly Dictionary<(Value Value, DataType Type), Value> _conversions = [];
    private readonly List<StringStringEntryProto> _metadata = [];

    private sealed record Initializer(TensorProto Proto, Value Value, int Count, int ElementSize, Action<Span<byte>> Read)
    {
        public long Length => (long)Count * ElementSize;
    }

    /// <summary>The total size of the weights in bytes when they are saved.</summary>
    public long InitializerBytes => _initializers.Values.Sum(static initializer => initializer.Length);

    /// <summary>Writes the convolutions and linear layers.</summary>
    public IMatMulWriter MatMul => _precision.MatMul;

    /// <summary>Adds an input of 32-bit floats.</summary>
    /// <param name="inputName">Its name.</param>
    /// <param name="shape">Its axes.</param>
    /// <returns>The input.</returns>
    public Value Input(string inputName, params ReadOnlySpan<Dimension> shape) => Input(inputName, DataType.Float, shape);

    /// <summary>Adds an input of 64-bit integers.</summary>
    /// <param name="inputName">Its name.</param>
    /// <param name="shape">Its axes.</param>
    /// <returns>The input.</returns>
    public Value IntegerInput(string inputName, params ReadOnlySpan<Dimension> shape) => Input(inputName, DataType.Int64, shape);

    /// <summary>Adds an input with a default value.</summary>
    /// <param name="inputName">Its name.</param>
    /// <param name="values">The default value, 32-bit floats in row-major order.</param>
    /// <param name="valueShape">The shape of the default value.</param>
    /// <param name="shape">Its axes, as many as those of the default value.</param>
    /// <returns>The input.</returns>
    public Value OptionalInput(string inputName, ReadOnlySpan<float> values, ReadOnlySpan<long> valueShape, params ReadOnlySpan<Dimension> shape) =>
        AddOptionalInput(inputName, DataType.Float, MemoryMarshal.AsBytes(values), valueShape, shape);

    /// <summary>Adds an input of one 64-bit integer with a default value.</summary>
    /// <param name="inputName">Its name.</param>
    /// <param name="value">The default value.</param>
    /// <returns>The input, with one axis and one value.</returns>
    public Value OptionalInteger(string inputName, long value) =>
        AddOptionalInput(inputName, DataType.Int64, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)), [1], [1]);

    /// <summary>Makes a value an output of 32-bit floats.</summary>
    /// <param name="outputName">The output's name.</param>
    /// <param name="value">The value, in the type that the graph computes in.</param>
    /// <param name="shape">Its axes.</param>
    public void Output(string outputName, Value value, params ReadOnlySpan<Dimension> shape)
    {
        _graph.Output.Add(Describe(outputName, DataType.Float, shape));
        _graph.Node.Add(new NodeProto { Name = Unique($"{outputName}/Identity"), OpType = "Identity", Input = { ToSingle(value).Name }, Output = { Unique(outputName) } });
    }

    /// <summary>Adds a text about the graph.</summary>
    /// <param name="key">What it says.</param>
    /// <param name="value">The text.</param>
    public void Metadata(string key, string value) => _metadata.Add(new StringStringEntryProto { Key = key, Value = value });

    /// <summary>Adds a weight, which is read when the graph is saved.</summary>
    /// <param name="initializerName">Its name; the same name always means the same weight.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="read">Reads its values.</param>
    /// <param name="source">The file that it comes from, for messages; null if it is computed.</param>
    /// <returns>The weight in the type that the graph computes in.</returns>
    public Value Weight(string initializerName, ReadOnlySpan<int> shape, InitializerReader read, string? source = null)
    {
        if (!_precision.StoresHalf)
            return AddWeight(initializerName, DataType.Float, SingleSize, shape, bytes => read(MemoryMarshal.Cast<byte, float>(bytes)));

        Value stored = AddWeight(initializerName, DataType.Float16, HalfSize, shape, bytes => ReadHalf(initializerName, read, bytes, source));
        return _precision.ComputesHalf ? stored : Converted(stored, DataType.Float);
    }

    /// <inheritdoc cref="Weight(string, ReadOnlySpan{int}, InitializerReader, string?)"/>
    public Value Weight(GraphWeight weight) => Weight(weight.Name, weight.Shape, weight.Read, weight.Source);

    /// <summary>Adds a weight of 32-bit floats, whatever the graph computes in. It is read when the graph is saved.</summary>
    /// <param name="initializerName">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="read">Reads its values.</param>
    /// <returns>The weight.</returns>
    public Value SingleWeight(string initializerName, ReadOnlySpan<int> shape, InitializerReader read) =>
        AddWeight(initializerName, DataType.Float, SingleSize, shape, bytes => read(MemoryMarshal.Cast<byte, float>(bytes)));

    /// <summary>Adds a weight of 8-bit signed integers, which is read when the graph is saved.</summary>
    /// <param name="initializerName">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="read">Reads its values.</param>
    /// <returns>The weight.</returns>
    public Value ByteWeight(string initializerName, ReadOnlySpan<int> shape, IntegerReader<sbyte> read) =>
        AddWeight(initializerName, DataType.Int8, sizeof(sbyte), shape, bytes => read(MemoryMarshal.Cast<byte, sbyte>(bytes)));

    /// <summary>Adds a weight of 32-bit integers, which is read when the graph is saved.</summary>
    /// <inheritdoc cref="ByteWeight"/>
    public Value IntegerWeight(string initializerName, ReadOnlySpan<int> shape, IntegerReader<int> read) =>
        AddWeight(initializerName, DataType.Int32, sizeof(int), shape, bytes => read(MemoryMarshal.Cast<byte, int>(bytes)));

    /// <summary>Converts 32-bit floats to the type that the graph computes in.</summary>
    /// <param name="single">The value.</param>
    /// <returns>The converted value; the same value if the graph computes in 32-bit floats.</returns>
    public Value ToComputed(Value single) => _precision.ComputesHalf ? Converted(single, DataType.Float16) : single;

    /// <summary>Converts from the type that the graph computes in to 32-bit floats.</summary>
    /// <param name="computed">The value.</param>
    /// <returns>The converted value; the same value if the graph computes in 32-bit floats.</returns>
    public Value ToSingle(Value computed) => _precision.ComputesHalf ? Converted(computed, DataType.Float) : computed;

    /// <summary>Adds constant floats; equal constants are shared.</summary>
    /// <param name="values">The values of the single axis.</param>
    /// <returns>The constant.</returns>
    public Value Floats(params ReadOnlySpan<float> values) => Constant(DataType.Float, values);

    /// <summary>Adds constant 64-bit integers, such as a shape; equal constants are shared.</summary>
    /// <param name="values">The values of the single axis.</param>
    /// <returns>The constant.</returns>
    public Value Integers(params ReadOnlySpan<long> values) => Constant(DataType.Int64, values);

    /// <summary>Adds constant 32-bit integers; equal constants are shared.</summary>
    /// <inheritdoc cref="Integers"/>
    public Value ShortIntegers(params ReadOnlySpan<int> values) => Constant(DataType.Int32, values);

    /// <summary>Adds a constant 32-bit float without axes; equal constants are shared.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The constant.</returns>
    public Value Scalar(float value) => Constant(DataType.Float, new ReadOnlySpan<float>(in value), isScalar: true);

    /// <summary>Adds a constant 8-bit unsigned integer without axes; equal constants are shared.</summary>
    /// <inheritdoc cref="Scalar"/>
    public Value ByteScalar(byte value) => Constant(DataType.Uint8, new ReadOnlySpan<byte>(in value), isScalar: true);

    /// <summary>Adds a node with one output.</summary>
    /// <param name="operation">The operator, from ONNX's standard set.</param>
    /// <param name="inputs">Its inputs, in the operator's order.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="path">Its place in the network, such as <c>down_blocks.0.resnets.0.conv1</c>.</param>
    /// <returns>The output.</returns>
    public Value Node(string operation, ReadOnlySpan<Value> inputs, ReadOnlySpan<NodeAttribute> attributes = default, string? path = null) =>
        Node(string.Empty, operation, inputs, attributes, path);

    /// <summary>Adds a node of ONNX Runtime's own operators with one output.</summary>
    /// <inheritdoc cref="Node(string, ReadOnlySpan{Value}, ReadOnlySpan{NodeAttribute}, string?)"/>
    public Value MicrosoftNode(string operation, ReadOnlySpan<Value> inputs, ReadOnlySpan<NodeAttribute> attributes = default, string? path = null) =>
        Node(MicrosoftDomain, operation, inputs, attributes, path);

    /// <summary>Writes <c>model.onnx</c>, and the large weights into a file beside it.</summary>
    /// <param name="path">The path of the graph's file; the path of the weights is the same with the suffix <c>_data</c>.</param>
    /// <param name="written">Receives the number of bytes of each weight once it is written.</param>
    /// <param name="cancellationToken">Cancels between two weights.</param>
    public void Save(string path, Action<long>? written = null, CancellationToken cancellationToken = default)
    {
        string dataPath = path + ExternalDataSuffix;
        string location = Path.GetFileName(dataPath);
        byte[] buffer = [];
        FileStream? data = null;
        try
        {
            foreach (Initializer initializer in _initializers.Values)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (initializer.Count <= LargestInline)
                {
                    ReadInline(initializer);
                }
                else
                {
                    if (initializer.Length > buffer.Length)
                        buffer = GC.AllocateUninitializedArray<byte>(checked((int)initializer.Length));
                    Span<byte> bytes = buffer.AsSpan(0, (int)initializer.Length);
                    initializer.Read(bytes);
                    data ??= new FileStream(dataPath, FileMode.CreateNew, FileAccess.Write);
                    data.Position = (data.Position + Alignment - 1) / Alignment * Alignment;
                    SetExternal(initializer.Proto, location, data.Position, initializer.Length);
                    data.Write(bytes);
                }

                written?.Invoke(initializer.Length);
            }

            data?.Flush(flushToDisk: true);
        }
        finally
        {
            data?.Dispose();
        }

        WriteGraph(path);
    }

    /// <summary>Writes a graph beside a saved one, using the same file of weights.</summary>
    /// <param name="path">The path of the graph's file, in the folder of the saved one.</param>
    /// <param name="saved">The saved graph; it has all weights of this one, stored in the same types.</param>
    public void SaveBeside(string path, GraphBuilder saved)
    {
        foreach ((string key, Initializer initializer) in _initializers)
        {
            TensorProto source = saved._initializers[key].Proto;
            if (source.DataType != initializer.Proto.DataType || !source.Dims.Equals(initializer.Proto.Dims))
                throw new InvalidOperationException($"The graphs '{_graph.Name}' and '{saved._graph.Name}' store the weight '{key}' in different forms.");
            initializer.Proto.MergeFrom(new TensorProto { RawData = source.RawData, DataLocation = source.DataLocation, ExternalData = { source.ExternalData } });
        }

        WriteGraph(path);
    }

    /// <summary>Makes the graph in memory, with its weights inside: for a small one.</summary>
    /// <returns>The graph.</returns>
    public ModelProto ToModel()
    {
        foreach (Initializer initializer in _initializers.Values)
            ReadInline(initializer);
        return Model();
    }

    private static void ReadInline(Initializer initializer)
    {
        byte[] bytes = new byte[initializer.Length];
        initializer.Read(bytes);
        initializer.Proto.RawData = UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private void WriteGraph(string path)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write);
        Model().WriteTo(file);
        file.Flush(flushToDisk: true);
    }

    private ModelProto Model() => new()
    {
        IrVersion = IrVersion,
        ProducerName = Producer,
        Graph = _graph,
        MetadataProps = { _metadata },
        OpsetImport =
        {
            new OperatorSetIdProto { Domain = string.Empty, Version = OpsetVersion },
            new OperatorSetIdProto { Domain = MicrosoftDomain, Version = 1 },
        },
    };

    private static void ReadHalf(string weightName, InitializerReader read, Span<byte> bytes, string? source)
    {
        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(bytes);
        float[] values = GC.AllocateUninitializedArray<float>(halves.Length);
        read(values);
        TensorPrimitives.ConvertToHalf(values, halves);
        if (!TensorPrimitives.IsFiniteAll<Half>(halves))
            throw new ModelInvalidException($"The tensor '{weightName}'{(source is null ? string.Empty : $" in '{source}'")} has a value outside the range of half precision, which ends at {(float)Half.MaxValue}. Build the model in full precision.");
    }

    private static void SetExternal(TensorProto tensor, string location, long offset, long length)
    {
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Clear();
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length.ToString(CultureInfo.InvariantCulture) });
    }

    private static ValueInfoProto Describe(string valueName, DataType type, ReadOnlySpan<Dimension> shape)
    {
        TensorShapeProto shapeProto = new();
        foreach (Dimension dimension in shape)
            shapeProto.Dim.Add(dimension.ToProto());
        return new ValueInfoProto
        {
            Name = valueName,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = type, Shape = shapeProto } },
        };
    }

    private Value Input(string inputName, DataType type, ReadOnlySpan<Dimension> shape)
    {
        _graph.Input.Add(Describe(Unique(inputName), type, shape));
        return new Value(inputName);
    }

    private Value AddWeight(string initializerName, DataType type, int elementSize, ReadOnlySpan<int> shape, Action<Span<byte>> read)
    {
        if (_initializers.TryGetValue(initializerName, out Initializer? known))
            return known.Value;

        TensorProto proto = new() { Name = Unique(initializerName), DataType = type };
        int count = 1;
        foreach (int length in shape)
        {
            proto.Dims.Add(length);
            count = checked(count * length);
        }

        Initializer added = new(proto, new Value(initializerName), count, elementSize, read);
        _graph.Initializer.Add(proto);
        _initializers.Add(initializerName, added);
        return added.Value;
    }

    /// <summary>Converts a value to another type; equal conversions are shared.</summary>
    private Value Converted(Value value, DataType type)
    {
        ref Value converted = ref CollectionsMarshal.GetValueRefOrAddDefault(_conversions, (value, type), out bool exists);
        if (!exists)
            converted = Node("Cast", [value], [("to", (long)type)], value.Name);
        return converted;
    }

    private Value AddOptionalInput(string inputName, DataType type, ReadOnlySpan<byte> bytes, ReadOnlySpan<long> valueShape, ReadOnlySpan<Dimension> shape)
    {
        Value input = Input(inputName, type, shape);
        TensorProto initializer = new() { Name = inputName, DataType = type, RawData = ByteString.CopyFrom(bytes) };
        initializer.Dims.AddRange(valueShape.ToArray());
        _graph.Initializer.Add(initializer);
        return input;
    }

    private Value Constant<T>(DataType type, ReadOnlySpan<T> values, bool isScalar = false)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        ref Value constant = ref CollectionsMarshal.GetValueRefOrAddDefault(
            _constants, (type, isScalar, Convert.ToHexString(bytes)), out bool exists);
        if (!exists)
        {
            constant = new Value(Numbered("constant"));
            TensorProto proto = new() { Name = constant.Name, DataType = type, RawData = ByteString.CopyFrom(bytes) };
            if (!isScalar)
                proto.Dims.Add(values.Length);
            _graph.Initializer.Add(proto);
        }

        return constant;
    }

    private Value Node(string domain, string operation, ReadOnlySpan<Value> inputs, ReadOnlySpan<NodeAttribute> attributes, string? path)
    {
        string nodeName = Numbered(path is null ? operation : $"{path}/{operation}");
        NodeProto node = new() { Name = nodeName, OpType = operation, Domain = domain, Output = { nodeName } };
        foreach (Value input in inputs)
            node.Input.Add(input.Name);
        foreach (NodeAttribute attribute in attributes)
            node.Attribute.Add(attribute.Proto);
        _graph.Node.Add(node);
        return new Value(nodeName);
    }

    private string Numbered(string stem)
    {
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_counters, stem, out bool exists);
        count++;
        return Unique(exists ? $"{stem}_{count}" : stem);
    }

    private string Unique(string newName) => _names.Add(newName)
        ? newName
        : throw new ArgumentException($"The graph '{_graph.Name}' already has the name '{newName}'.");
}
