using System.Globalization;
using Microsoft.Win32.SafeHandles;
using StableDiffusion.Storage;
using Wire = StableDiffusion.Onnx.Checks.ProtobufReader.Wire;

namespace StableDiffusion.Onnx.Checks;

/// <summary>
/// Checks a graph before ONNX Runtime sees it, since it may come from anywhere: that it reads no file but those beside it, has no
/// code of its own and only the operators of image models, no more of them than one needs, makes no giant tensor of constants, and
/// does nothing that is known to end the process inside ONNX Runtime. Weights are not read.
/// </summary>
internal sealed class GraphCheck
{
    // The attention of a graph with fixed sizes, at 512x512 and without fusion, starts from a tensor of 1 GB.
    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_GRAPH_MB", 2000);

    private const int MostNested = 8;

    // ONNX Runtime takes long for more. The U-Net of Stable Diffusion XL has some thousands of each.
    private const int MostNodes = 100_000;
    private const int MostWeights = 20_000;

    // The most that parts of models have is some dozens.
    private const int MostOutputs = 1000;

    private const int LongestName = 4096;

    // The most in models is some dozens.
    private const int MostStep = 4096;
    private static readonly string[] s_steps = ["kernel_shape", "strides", "dilations", "pads", "output_padding"];

    private const string Densely = "Export the model with dense weights.";

    // ONNX Runtime takes minutes for one of some thousands of letters.
    private const int LongestEquation = 200;

    // Exporters align weights to pages of 4 to 64 KB.
    private const long MostPadding = 1 << 20;
    private const int MostOtherGraphs = 8;

    // The type of texts in the format.
    private const int TextType = 8;

    /// <summary>The inputs that hold sizes or factors, whose product the output has at least.</summary>
    private static readonly Dictionary<string, int[]> s_sizes = new(StringComparer.Ordinal)
    {
        ["Expand"] = [1],
        ["ConstantOfShape"] = [0],
        ["Tile"] = [1],
        ["Resize"] = [1, 2, 3],
        ["Upsample"] = [1],
        ["OneHot"] = [1],
        ["CenterCropPad"] = [1],
        ["AffineGrid"] = [1],
        ["Col2Im"] = [1],
        ["MaxUnpool"] = [2],
        ["DFT"] = [1],
        ["HannWindow"] = [0],
        ["HammingWindow"] = [0],
        ["BlackmanWindow"] = [0],
    };

    // The kinds of an operator's settings, as the format numbers them; those of lists come last.
    private const int FloatKind = 1;
    private const int Integer = 2;
    private const int FirstList = 6;
    private const int Floats = 6;
    private const int Integers = 7;

    /// <summary>The kind of a setting by the field that holds its value.</summary>
    private static readonly Dictionary<int, int> s_kinds = new() { [2] = FloatKind, [3] = Integer, [4] = 3, [5] = 4, [6] = 5, [7] = Floats, [8] = Integers, [9] = 8, [10] = 9, [11] = 10, [22] = 11, [23] = 12 };

    /// <summary>The kinds of those settings that are constants.</summary>
    private static readonly Dictionary<string, int> s_constants = new(StringComparer.Ordinal) { ["value_float"] = FloatKind, ["value_int"] = Integer, ["value_floats"] = Floats, ["value_ints"] = Integers };

    // Slices end at the largest or smallest 64-bit number where they reach to the end of an axis, and constants hold such ends.
    private static readonly HashSet<string> s_longIntegers = new(StringComparer.Ordinal) { "starts", "ends", "value_int", "value_ints" };

    private readonly string _path;
    private readonly string _folder;
    private readonly ProtobufReader _reader;
    private readonly long _limit = s_limit.Bytes;
    private readonly Dictionary<string, int?> _inputs = new(StringComparer.Ordinal);
    private readonly ConstantShapes _shapes = new();
    private readonly FloatValues _floats = new();

    // The constants that are whole numbers; null if a name stands for several values, or not all numbers are known.
    private readonly Dictionary<string, double[]?> _integers = new(StringComparer.Ordinal);
    private readonly List<GraphNode> _nodes = [];
    private readonly Dictionary<string, (long Length, long End)> _files = new(StringComparer.Ordinal);
    private int _weights;
    private bool _hasGraph;

    private GraphCheck(string path, Stream stream)
    {
        _path = path;
        _folder = Path.GetDirectoryName(path)!;
        _reader = new ProtobufReader(stream);
    }

    /// <summary>Checks a graph.</summary>
    /// <param name="path">The full path of its <c>.onnx</c> file.</param>
    /// <param name="required">The inputs that it must have.</param>
    /// <exception cref="ModelNotFoundException">A file that it needs is missing.</exception>
    /// <exception cref="ModelInvalidException">It is damaged, or asks for something that no part of a model needs; or it or a file with its weights is a link that leads out of the folder.</exception>
    public static CheckedGraph Check(string path, params ReadOnlySpan<GraphInput> required)
    {
        // The graph is in the folder of a part, in that of the model.
        string folder = Path.GetDirectoryName(path)!;
        FolderLinks.Check(Path.GetDirectoryName(folder) ?? folder, path);
        try
        {
            using FileStream stream = RegularFile.Open(path);
            GraphCheck check = new(path, stream);
            check.Run();
            foreach (GraphInput input in required)
                check.CheckInput(input);
            return new(check._files.Keys, check._files.Values.Sum(static file => file.Length), check._nodes.Exists(static node => KnownOperators.IsQuantized(node.Operator)), check._inputs.ContainsKey(GraphInput.Timestep.Name));
        }
        catch (InvalidDataException error)
        {
            throw new ModelInvalidException($"The graph '{path}' is damaged: {error.Message}. Get the model again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be read: {Sentence.Of(error)} Get the model again.", error);
        }
    }

    private void Run()
    {
        Read();
        CheckSurplus();

        // Only now are all constants known: a file usually has them behind its operators.
        foreach (GraphNode node in _nodes)
        {
            CheckDivision(node);
            _floats.Derive(node);
        }

        int sorted = 0;
        foreach (GraphNode node in GraphOrder.Sort(_nodes))
        {
            sorted++;
            CheckElements(node);
            CheckSizes(node);
            CheckSize(node.Operator, _shapes.Derive(node) ?? throw UnknownSize(node));
            foreach (string output in node.Outputs)
            {
                if (_shapes.Find(output) is GraphConstant made)
                    CheckElements(output, made, isList: true);
            }
        }

        if (sorted < _nodes.Count)
            throw new InvalidDataException("its operators wait for each other");
    }

    private void Read()
    {
        HashSet<string> domains = new(StringComparer.Ordinal);
        _reader.ReadFields(_reader.Length, (field, wire, end) =>
        {
            switch (field, wire)
            {
                case (7, Wire.Length):
                    _hasGraph = true;
                    ReadGraph(end, depth: 0);
                    return true;
                case (8, Wire.Length):
                    string domain = ReadDomain(end);
                    if (!domains.Add(KnownOperators.Normal(domain)))
                        throw new InvalidDataException($"it gives the version of the operators of '{ModelFilePath.Printable(domain)}' twice");
                    return true;
                case (25, Wire.Length):
                    throw Refused("has functions of its own", "Export the model with its functions inlined.");
                default:
                    return false;
            }
        });
        if (!_hasGraph)
            throw new InvalidDataException("it holds no graph");
    }

    /// <summary>Reads the domain of a set of operators that the graph says it uses.</summary>
    private string ReadDomain(long end)
    {
        string domain = string.Empty;
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            if ((field, wire) is not (1, Wire.Length))
                return false;
            domain = _reader.ReadText(fieldEnd, LongestName);
            return true;
        });
        return domain;
    }

    private void ReadGraph(long end, int depth)
    {
        if (depth > MostNested)
            throw Refused($"has graphs inside graphs, more than {MostNested} deep", "Get another model.");

        HashSet<string> made = new(StringComparer.Ordinal);
        List<string> inputs = [];
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            switch (field, wire)
            {
                case (1, Wire.Length):
                    AddMade(ReadNode(fieldEnd, depth).Outputs);
                    return true;
                case (5, Wire.Length):
                    if (++_weights > MostWeights)
                        throw Refused($"has more than {MostWeights} weights", "Get another model.");
                    GraphTensor weight = ReadTensor(fieldEnd);
                    AddMade(weight.Name);
                    AddConstant(weight.Name, weight, isNested: depth > 0);
                    return true;
                case (11, Wire.Length):
                    inputs.Add(ReadInput(fieldEnd, depth));
                    return true;
                case (15, Wire.Length):
                    throw Refused("has sparse weights", Densely);
                default:
                    return false;
            }
        });

        // A weight may be an input too, which it is the standard value of. Other inputs may be anything.
        foreach (string input in inputs.Where(input => !made.Contains(input)))
            _integers[input] = null;

        void AddMade(params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                if (name.Length > 0 && !made.Add(name))
                    throw new InvalidDataException($"the name '{ModelFilePath.Printable(name)}' stands for several values");
            }
        }
    }

    /// <summary>Reads the name of an input, the type of its elements and the number of its axes.</summary>
    /// <returns>The name.</returns>
    private string ReadInput(long end, int depth)
    {
        string name = string.Empty;
        ulong type = 0;
        int? axes = null;
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            switch (field, wire)
            {
                case (1, Wire.Length):
                    name = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                case (2, Wire.Length):
                    _reader.ReadFields(fieldEnd, ReadTensorType);
                    return true;
                default:
                    return false;
            }
        });
        _floats.Add(name, FloatValues.IsFloat(type));
        if (depth == 0)
            _inputs[name] = axes;
        return name;

        bool ReadTensorType(int field, Wire wire, long tensorEnd)
        {
            if ((field, wire) is not (1, Wire.Length))
                return false;
            _reader.ReadFields(tensorEnd, (field, wire, shapeEnd) =>
            {
                switch (field, wire)
                {
                    case (1, Wire.Varint):
                        type = _reader.ReadVarint();
                        return true;
                    case (2, Wire.Length):
                        axes = 0;
                        _reader.ReadFields(shapeEnd, CountAxis);
                        return true;
                    default:
                        return false;
                }
            });
            return true;
        }

        bool CountAxis(int field, Wire wire, long end)
        {
            axes += field == 1 ? 1 : 0;
            return false;
        }
    }

    private GraphNode ReadNode(long end, int depth)
    {
        if (_nodes.Count >= MostNodes)
            throw Refused($"has more than {MostNodes} operators", "Get another model.");

        List<string> inputs = [], outputs = [];
        string name = string.Empty, domain = string.Empty;
        GraphTensor? constant = null;
        int settings = 0;
        Dictionary<string, double[]> values = new(StringComparer.Ordinal);
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            if (wire != Wire.Length)
                return false;
            switch (field)
            {
                case 1:
                    inputs.Add(_reader.ReadText(fieldEnd, LongestName));
                    return true;
                case 2:
                    outputs.Add(_reader.ReadText(fieldEnd, LongestName));
                    return true;
                case 4:
                    name = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                case 5:
                    settings++;
                    constant = ReadAttribute(fieldEnd, depth, values) ?? constant;
                    return true;
                case 7:
                    domain = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                default:
                    return false;
            }
        });

        CheckOperator(domain, name, inputs);
        if (outputs.Count > MostOutputs)
            throw Refused($"has an operator {ModelFilePath.Printable(name)} with more than {MostOutputs} outputs", "Get another model.");

        // ONNX Runtime makes so many, whatever the graph names.
        if (name == "Split" && values.GetValueOrDefault("num_outputs") is [double parts] && parts != outputs.Count)
            throw new InvalidDataException($"an operator Split has {outputs.Count} outputs and says that it has {parts.ToString(CultureInfo.InvariantCulture)}");

        // With weights without channels, ONNX Runtime divides by it.
        if (values.GetValueOrDefault("group") is [< 1])
            throw new InvalidDataException($"an operator {ModelFilePath.Printable(name)} has less than one group");

        // ONNX Runtime counts from the end with -1 only, and reads elsewhere with less.
        if (values.GetValueOrDefault("batch_dims") is [< 0])
            throw new InvalidDataException($"an operator {ModelFilePath.Printable(name)} has less than no batch dimension");

        CheckRandom(name, values);
        CheckSteps(name, values);
        if (name == "Cast" && values.GetValueOrDefault("to") is [TextType])
            throw Refused("makes texts of numbers with the operator Cast", "Export the model without it.");

        GraphNode node = new(name, [.. inputs], [.. outputs], values, constant?.Constant);
        _nodes.Add(node);
        if (name == "Constant")
        {
            if (settings > 1)
                throw new InvalidDataException("an operator Constant has several values");
            if (constant is null && values.Count == 0)
                throw Refused("has a constant that is no tensor of numbers", "Export the model without it.");
            AddConstant(node.Output, constant, isNested: depth > 0, values);
        }
        else
        {
            foreach (string output in outputs)
            {
                _floats.AddOutput(output);
                _integers[output] = null;
            }
        }

        foreach (string attribute in (string[])["shape", "output_shape", "pads"])
        {
            if (values.TryGetValue(attribute, out double[]? sizes))
                CheckSize(name, attribute == "pads" ? Padded(sizes) : Product(sizes));
        }

        return node;
    }

    /// <returns>The tensor that the attribute holds; null if it holds none.</returns>
    private GraphTensor? ReadAttribute(long end, int depth, Dictionary<string, double[]> values)
    {
        string name = string.Empty;
        List<double> numbers = [];
        int? kind = null, declared = null;
        long textLength = 0;
        GraphTensor? tensor = null;
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            // ONNX Runtime takes one of them, by the kind or by the name.
            if (s_kinds.TryGetValue(field, out int found))
                kind = kind is null || (kind == found && found >= FirstList) ? found : throw new InvalidDataException("a setting of an operator has several values");
            switch (field, wire)
            {
                case (1, Wire.Length):
                    name = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                case (2, Wire.Fixed32):
                case (7, Wire.Fixed32 or Wire.Length):
                    _reader.ReadFloats(fieldEnd, numbers);
                    return true;
                case (4, Wire.Length):
                    textLength = fieldEnd - _reader.Position;
                    return false;
                case (3 or 8, Wire.Varint):
                case (8, Wire.Length):
                    _reader.ReadNumbers(wire, fieldEnd, numbers);
                    return true;
                case (5 or 10, Wire.Length):
                    tensor = ReadTensor(fieldEnd);
                    numbers.AddRange(tensor.Values ?? []);
                    return true;
                case (6 or 11, Wire.Length):
                    ReadGraph(fieldEnd, depth + 1);
                    return true;
                case (20, Wire.Varint):
                    declared = _reader.ReadInteger();
                    return true;
                case (22 or 23, _):
                    throw Refused("has sparse weights", Densely);
                default:
                    return false;
            }
        });
        if (name == "equation" && textLength > LongestEquation)
            throw Refused($"has an equation of more than {LongestEquation} letters, which may take very long", "Get another model.");
        if (kind is not null && declared is not (null or 0) && kind != declared)
            throw new InvalidDataException($"the setting '{ModelFilePath.Printable(name)}' of an operator has a value of another kind than it says");
        kind ??= declared;
        if (kind is Integer or Integers && !s_longIntegers.Contains(name) && numbers.Exists(static number => number is < int.MinValue or > int.MaxValue))
            throw Refused($"has the setting '{ModelFilePath.Printable(name)}' of an operator with a number of more than 32 bits, which can end the process", "Get another model.");
        if (s_constants.TryGetValue(name, out int needed) && kind != needed)
            throw new InvalidDataException($"the setting '{name}' of an operator has a value of another kind than its name says");
        if ((numbers.Count > 0 || kind is FloatKind or Floats or Integers) && !values.TryAdd(name, [.. numbers]))
            throw new InvalidDataException($"an operator has the setting '{ModelFilePath.Printable(name)}' twice");
        return tensor;
    }

    private GraphTensor ReadTensor(long end)
    {
        GraphTensor tensor = new(_reader, end);
        if (tensor.Type == TextType)
            throw Refused($"has texts in the weight '{ModelFilePath.Printable(tensor.Name)}'", "Export the model without them.");
        if (Array.Exists(tensor.Shape, static length => length < 0))
            throw new InvalidDataException($"the weight '{ModelFilePath.Printable(tensor.Name)}' has a negative length");
        if (tensor.External.Count > 0)
            CheckExternal(tensor);
        else if (tensor.RawLength is long length && tensor.Length is double expected && length != expected)
            throw new InvalidDataException($"the weight '{ModelFilePath.Printable(tensor.Name)}' has {length} bytes, which contradicts its shape");
        return tensor;
    }

    private void CheckExternal(GraphTensor tensor)
    {
        string[] locations = [.. tensor.External.Where(static entry => entry.Key == "location").Select(static entry => entry.Value)];
        if (locations is not [string location] || !ModelFilePath.IsSafe(location))
            throw Refused($"wants the weight '{ModelFilePath.Printable(tensor.Name)}' from '{ModelFilePath.Printable(locations.FirstOrDefault())}', which is not a file in its own folder", "Get the model from a source that you trust.");

        if (tensor.Length is not double needed)
            throw new InvalidDataException($"the weight '{ModelFilePath.Printable(tensor.Name)}' in another file is of a type without a size");
        if (!_files.TryGetValue(location, out (long Length, long End) file))
            file = (ReadLength(location), 0);
        long offset = Number("offset") ?? 0;
        long? given = Number("length");
        if (Math.Max(given ?? 0, needed) > file.Length - offset)
            throw new ModelInvalidException($"The file '{Path.Combine(_folder, location)}' is too short: the graph '{_path}' wants the weight '{ModelFilePath.Printable(tensor.Name)}' from behind its end. Get the model again.");
        if (given is not null && given != needed)
            throw new InvalidDataException($"the weight '{ModelFilePath.Printable(tensor.Name)}' has {given} bytes in another file, which contradicts its shape");
        _files[location] = file with { End = Math.Max(file.End, offset + (long)needed) };

        long? Number(string key)
        {
            string? text = tensor.External.LastOrDefault(entry => entry.Key == key).Value;
            if (text is null)
                return null;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? number
                : throw new InvalidDataException($"the {key} of the weight '{ModelFilePath.Printable(tensor.Name)}' is not a number");
        }
    }

    /// <summary>Checks that the files with weights are not longer than this graph, or another in the same folder, needs.</summary>
    private void CheckSurplus()
    {
        foreach (string location in _files.Keys.Where(HasSurplus).ToArray())
        {
            if (!Directory.EnumerateFiles(_folder, "*.onnx").Take(MostOtherGraphs).Any(path => path != _path && Needs(path, location)))
                throw Refused($"needs {ByteSize.Format(_files[location].End)} of the file '{Path.Combine(_folder, location)}', which has {ByteSize.Format(_files[location].Length)}", "Get the model again.");
        }
    }

    private bool HasSurplus(string location) => _files[location].Length - _files[location].End > MostPadding;

    /// <summary>Whether another graph needs a file with weights to its end.</summary>
    private static bool Needs(string path, string location)
    {
        try
        {
            FolderLinks.Check(Path.GetDirectoryName(path)!, path);
            using FileStream stream = RegularFile.Open(path);
            GraphCheck other = new(path, stream);
            other.Read();
            return other._files.ContainsKey(location) && !other.HasSurplus(location);
        }
        catch (Exception error) when (error is DiffusionException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private long ReadLength(string location)
    {
        string file = Path.Combine(_folder, location);
        FolderLinks.Check(_folder, file);
        if (!File.Exists(file))
            throw new ModelNotFoundException($"The file '{file}' is missing, which holds weights of the graph '{_path}'. Get the model again.");

        try
        {
            using SafeFileHandle handle = RegularFile.OpenHandle(file);
            return RandomAccess.GetLength(handle);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The file '{file}', which holds weights of the graph '{_path}', cannot be read: {Sentence.Of(error)}", error);
        }
    }

    private void CheckInput(GraphInput input)
    {
        if (!_inputs.TryGetValue(input.Name, out int? axes))
            throw new ModelInvalidException($"The graph '{_path}' has no input named {input.Name}. {OnnxSession.NotThePart}");
        if (axes is not null && input.Axes is not null && axes != input.Axes)
            throw new ModelInvalidException($"The input '{input.Name}' of the graph '{_path}' has {axes} axes, not {input.Axes}. {OnnxSession.NotThePart}");
    }

    /// <summary>Adds a constant to those that sizes are made of, and that operators may divide by.</summary>
    private void AddConstant(string name, GraphTensor? tensor, bool isNested, Dictionary<string, double[]>? settings = null)
    {
        GraphConstant constant = tensor?.Constant ?? OfSettings(settings!);
        CheckElements(name, constant, isList: !isNested);
        _shapes.Add(name, constant);
        double[]? numbers = tensor is not null ? tensor.Values : settings?.GetValueOrDefault("value_int") ?? settings?.GetValueOrDefault("value_ints");
        bool isFloat = tensor is not null ? FloatValues.IsFloat(tensor.Type) : settings?.ContainsKey("value_float") == true || settings?.ContainsKey("value_floats") == true;
        _floats.Add(name, isFloat);
        _integers[name] = !isFloat && !_integers.ContainsKey(name) && (tensor is null || numbers?.Length == Product(tensor.Shape)) ? numbers : null;
    }

    private void CheckOperator(string domain, string name, List<string> inputs)
    {
        string shown = ModelFilePath.Printable(KnownOperators.FullName(domain, name));
        if (KnownOperators.Needed(domain, name) is not int needed)
            throw Refused($"has the operator {shown}, which image models do not have", $"Export the model without it or, if you trust it, add {shown} to the environment variable {KnownOperators.Variable}.");

        // ONNX Runtime counts the inputs, and reads those that it takes to be there.
        if (inputs.Take(needed).Any(string.IsNullOrEmpty) || (needed < int.MaxValue && inputs.Count < needed))
            throw new InvalidDataException($"an operator {shown} lacks an input");
    }

    private void CheckSteps(string name, Dictionary<string, double[]> values)
    {
        foreach (string setting in name == "Pad" ? [] : s_steps)
        {
            if (values.GetValueOrDefault(setting, []).FirstOrDefault(static step => Math.Abs(step) > MostStep) is not 0 and double step)
                throw Refused($"has an operator {name} with {step.ToString(CultureInfo.InvariantCulture)} as its {setting}; the most is {MostStep}", "Get another model.");
        }
    }

    // The library that makes random numbers ends the process for others.
    private static void CheckRandom(string name, Dictionary<string, double[]> values)
    {
        double low = Setting("low", 0), high = Setting("high", 1), scale = Setting("scale", 1);
        if (!name.StartsWith("Random", StringComparison.Ordinal) || (high > low && high - low <= float.MaxValue && scale > 0 && double.IsFinite(scale)))
            return;
        throw new InvalidDataException($"an operator {name} has no range");

        double Setting(string setting, double standard) => values.GetValueOrDefault(setting) is [double value, ..] ? value : standard;
    }

    // The smallest 64-bit integer divided by -1 is too large for the processor, which ends the process.
    private void CheckDivision(GraphNode node)
    {
        if (node.Operator != "Div" || node.Inputs.Length < 2 || _floats.Contains(node, 0) || _floats.Contains(node, 1))
            return;
        if (_integers.GetValueOrDefault(node.Inputs[1]) is not double[] divisors || divisors.Contains(-1))
            throw Refused("divides whole numbers by -1 or by numbers that are not constants, which can end the process", "Export the model without it or, if it comes from weights, import those.");
    }

    private void CheckElements(GraphNode node)
    {
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            if (_shapes.Find(node, i) is GraphConstant constant)
                CheckElements(node.Inputs[i], constant, isList: node.Operator is "Resize" or "Concat" or "Identity");
        }
    }

    // ONNX Runtime divides by the lengths of some. Lists without elements are usual: whole numbers for the axes of an operator or the shape of a single number, others for the region of Resize.
    private void CheckElements(string name, GraphConstant constant, bool isList)
    {
        if (constant.Count == 0 && (constant.Shape.Length != 1 || (constant.IsFloat && !isList)))
            throw Refused($"has a constant without elements, '{ModelFilePath.Printable(name)}', which can end the process", "Export the model without it.");
    }

    private void CheckSizes(GraphNode node)
    {
        if (node.Operator == "Pad" && _shapes.Find(node, 1)?.Values is double[] pads)
            CheckSize(node.Operator, Padded(pads));

        // A range from or to a giant number has so many, unless both are giants.
        foreach (int index in node.Operator == "Range" ? [0, 1] : Array.Empty<int>())
        {
            if (_shapes.Find(node, index)?.Values is [double end])
                CheckSize(node.Operator, Math.Abs(end));
        }

        foreach (int index in s_sizes.GetValueOrDefault(node.Operator, []))
        {
            if (_shapes.Find(node, index) is GraphConstant sizes)
                CheckSize(node.Operator, Product(sizes.Values ?? throw UnknownSize(node)));
        }
    }

    private void CheckSize(string name, double count)
    {
        double bytes = count * sizeof(float);
        if (bytes > _limit)
            throw Refused($"makes a tensor of {ByteSize.Format(bytes)} with the operator {name}; the limit is {ByteSize.Format(_limit)}", $"Get another model or, if you trust it, set the environment variable {s_limit.Variable} to more megabytes than {s_limit.Value}.");
    }

    /// <summary>A constant that is an attribute without a tensor.</summary>
    private static GraphConstant OfSettings(Dictionary<string, double[]> settings)
    {
        (string name, double[] values) = settings.First();
        return new GraphConstant(name.EndsWith('s') ? [values.Length] : [], values.Length <= GraphConstant.MostValues ? values : null, name.Contains("float", StringComparison.Ordinal));
    }

    private ModelInvalidException UnknownSize(GraphNode node) =>
        Refused($"computes something from constants alone with the operator {node.Operator}, whose size cannot be told before", "Export the model with such constants computed already (constant folding) or, if it comes from weights, import those.");

    private static double Product(double[] sizes) => sizes.Aggregate(1d, static (product, size) => product * Math.Max(1, size));

    /// <summary>The least number of elements after padding; the second half of the values is for the ends of the axes.</summary>
    private static double Padded(double[] pads) => Product([.. pads.Take(pads.Length / 2).Zip(pads.Skip(pads.Length / 2), static (before, after) => 1 + before + after)]);

    private ModelInvalidException Refused(string reason, string remedy) => new($"The graph '{_path}' {reason}. {remedy}");
}
