using System.Globalization;
using Microsoft.Win32.SafeHandles;
using StableDiffusion.Storage;
using Wire = StableDiffusion.Onnx.ProtobufReader.Wire;

namespace StableDiffusion.Onnx;

/// <summary>
/// Checks a graph before ONNX Runtime sees it, since it may come from anywhere: that it reads no file but those beside it, has no
/// loop and no code of its own, and makes no giant tensor of constants. Weights are not read.
/// </summary>
internal sealed class GraphCheck
{
    // The attention of a graph with fixed sizes, at 512x512 and without fusion, starts from a tensor of 1 GB.
    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_GRAPH_MB", 2000);

    private const int MostNested = 8;
    private const int LongestName = 4096;

    private static readonly HashSet<string> s_domains = new(StringComparer.Ordinal) { "", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc" };

    // No part of Stable Diffusion has a loop. How often one runs may depend on its input, and loops in loops multiply.
    private static readonly Dictionary<string, string> s_refused = new(StringComparer.Ordinal)
    {
        ["Loop"] = "which may run without end",
        ["Scan"] = "which may run without end",
        ["SequenceMap"] = "which may run without end",
        ["BeamSearch"] = "which may run without end",
        ["WhisperBeamSearch"] = "which may run without end",
        ["GreedySearch"] = "which may run without end",
        ["Sampling"] = "which may run without end",
        ["EPContext"] = "which opens a file for one device",
    };

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

    private readonly string _path;
    private readonly string _folder;
    private readonly ProtobufReader _reader;
    private readonly long _limit = s_limit.Bytes;
    private readonly Dictionary<string, double[]> _constants = new(StringComparer.Ordinal);
    private readonly List<(string Operator, string[] Inputs)> _sized = [];
    private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);
    private bool _hasGraph;

    private GraphCheck(string path, Stream stream)
    {
        _path = path;
        _folder = Path.GetDirectoryName(path)!;
        _reader = new ProtobufReader(stream);
    }

    /// <summary>Checks a graph.</summary>
    /// <param name="path">The full path of its <c>.onnx</c> file.</param>
    /// <exception cref="ModelNotFoundException">A file that it needs is missing.</exception>
    /// <exception cref="ModelInvalidException">It is damaged, or asks for something that no part of a model needs.</exception>
    public static void Check(string path)
    {
        try
        {
            using FileStream stream = RegularFile.Open(path);
            new GraphCheck(path, stream).Run();
        }
        catch (InvalidDataException error)
        {
            throw new ModelInvalidException($"The graph '{path}' is damaged: {error.Message}. Get the model again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be read: {error.Message} Get the model again.", error);
        }
    }

    private void Run()
    {
        _reader.ReadFields(_reader.Length, (field, wire, end) =>
        {
            switch (field, wire)
            {
                case (7, Wire.Length):
                    _hasGraph = true;
                    ReadGraph(end, depth: 0);
                    return true;
                case (25, Wire.Length):
                    throw Refused("has functions of its own", "Export the model with its functions inlined.");
                default:
                    return false;
            }
        });
        if (!_hasGraph)
            throw new InvalidDataException("it holds no graph");

        foreach ((string name, string[] inputs) in _sized)
            CheckSizes(name, inputs);
    }

    private void ReadGraph(long end, int depth)
    {
        if (depth > MostNested)
            throw Refused($"has graphs inside graphs, more than {MostNested} deep", "Get another model.");

        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            switch (field, wire)
            {
                case (1, Wire.Length):
                    ReadNode(fieldEnd, depth);
                    return true;
                case (5, Wire.Length):
                    ReadTensor(fieldEnd);
                    return true;
                case (15, Wire.Length):
                    ReadSparse(fieldEnd);
                    return true;
                default:
                    return false;
            }
        });
    }

    private void ReadNode(long end, int depth)
    {
        List<string> inputs = [], outputs = [];
        string name = string.Empty, domain = string.Empty;
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
                    ReadAttribute(fieldEnd, depth, values);
                    return true;
                case 7:
                    domain = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                default:
                    return false;
            }
        });

        if (!s_domains.Contains(domain))
            throw Refused($"has the operator '{ModelFilePath.Printable(name)}' of '{ModelFilePath.Printable(domain)}', which is not part of ONNX Runtime", "Export the model without it.");
        if (s_refused.TryGetValue(name, out string? reason))
            throw Refused($"has the operator {name}, {reason}", "Export the model without it.");

        if (name == "Constant" && outputs.Count > 0 && values.Values.FirstOrDefault() is double[] constant)
            _constants[outputs[0]] = constant;
        foreach (string attribute in (string[])["shape", "output_shape", "pads"])
        {
            if (values.TryGetValue(attribute, out double[]? sizes))
                CheckSize(name, attribute == "pads" ? Padded(sizes) : Product(sizes));
        }

        if (name is "Pad" or "Range" || s_sizes.ContainsKey(name))
            _sized.Add((name, [.. inputs]));
    }

    private void ReadAttribute(long end, int depth, Dictionary<string, double[]> values)
    {
        string name = string.Empty;
        List<double> numbers = [];
        _reader.ReadFields(end, (field, wire, fieldEnd) =>
        {
            switch (field, wire)
            {
                case (1, Wire.Length):
                    name = _reader.ReadText(fieldEnd, LongestName);
                    return true;
                case (3 or 8, Wire.Varint):
                    numbers.Add((long)_reader.ReadVarint());
                    return true;
                case (8, Wire.Length):
                    while (_reader.Position < fieldEnd)
                        numbers.Add((long)_reader.ReadVarint());
                    return true;
                case (5 or 10, Wire.Length):
                    numbers.AddRange(ReadTensor(fieldEnd) ?? []);
                    return true;
                case (6 or 11, Wire.Length):
                    ReadGraph(fieldEnd, depth + 1);
                    return true;
                case (22 or 23, Wire.Length):
                    ReadSparse(fieldEnd);
                    return true;
                default:
                    return false;
            }
        });
        if (numbers.Count > 0)
            values[name] = [.. numbers];
    }

    private void ReadSparse(long end) => _reader.ReadFields(end, (field, wire, fieldEnd) =>
    {
        if (field is not (1 or 2) || wire != Wire.Length)
            return false;
        ReadTensor(fieldEnd);
        return true;
    });

    private double[]? ReadTensor(long end)
    {
        GraphTensor tensor = new(_reader, end);
        if (tensor.External.Count > 0)
            CheckExternal(tensor);
        double[]? values = tensor.Values;
        if (values is not null)
            _constants[tensor.Name] = values;
        return values;
    }

    private void CheckExternal(GraphTensor tensor)
    {
        string[] locations = [.. tensor.External.Where(static entry => entry.Key == "location").Select(static entry => entry.Value)];
        if (locations is not [string location] || !ModelFilePath.IsSafe(location))
            throw Refused($"wants the weight '{ModelFilePath.Printable(tensor.Name)}' from '{ModelFilePath.Printable(locations.FirstOrDefault())}', which is not a file in its own folder", "Get the model from a source that you trust.");

        if (!_lengths.TryGetValue(location, out long length))
            _lengths.Add(location, length = ReadLength(location));
        long offset = Number("offset", 0);
        if (Number("length", 0) > length - offset)
            throw new ModelInvalidException($"The file '{Path.Combine(_folder, location)}' is too short: the graph '{_path}' wants the weight '{ModelFilePath.Printable(tensor.Name)}' from behind its end. Get the model again.");

        long Number(string key, long absent)
        {
            string? text = tensor.External.LastOrDefault(entry => entry.Key == key).Value;
            if (text is null)
                return absent;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? number
                : throw new InvalidDataException($"the {key} of the weight '{ModelFilePath.Printable(tensor.Name)}' is not a number");
        }
    }

    private long ReadLength(string location)
    {
        string file = Path.Combine(_folder, location);
        string real = RealPath.Of(file);

        // The cache of Hugging Face has links in the model's folder; what they lead to is beside what the graph itself is a link to.
        if (!RealPath.IsInside(real, RealPath.Of(_folder)) && !RealPath.IsInside(real, Path.GetDirectoryName(RealPath.Of(_path))!))
            throw Refused($"wants weights from '{file}', a link that leads out of its folder", "Get the model from a source that you trust, or put the file itself there.");
        if (!File.Exists(file))
            throw new ModelNotFoundException($"The file '{file}' is missing, which holds weights of the graph '{_path}'. Get the model again.");

        try
        {
            using SafeFileHandle handle = RegularFile.OpenHandle(file);
            return RandomAccess.GetLength(handle);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The file '{file}', which holds weights of the graph '{_path}', cannot be read: {error.Message}", error);
        }
    }

    private void CheckSizes(string name, string[] inputs)
    {
        if (name == "Range")
        {
            if (inputs.Length == 3 && Constant(0) is [double start] && Constant(1) is [double stop] && Constant(2) is [double step])
                CheckSize(name, Math.Abs((stop - start) / step));
            return;
        }

        if (name == "Pad")
        {
            if (Constant(1) is double[] pads)
                CheckSize(name, Padded(pads));
            return;
        }

        foreach (int index in s_sizes[name])
        {
            if (Constant(index) is double[] sizes)
                CheckSize(name, Product(sizes));
        }

        double[]? Constant(int index) => index < inputs.Length ? _constants.GetValueOrDefault(inputs[index]) : null;
    }

    private void CheckSize(string name, double count)
    {
        double bytes = count * sizeof(float);
        if (bytes > _limit)
            throw Refused($"makes a tensor of {ByteSize.Format(bytes)} with the operator {name}; the limit is {ByteSize.Format(_limit)}", $"Get another model or, if you trust it, set the environment variable {s_limit.Variable} to more megabytes than {s_limit.Value}.");
    }

    private static double Product(double[] sizes) => sizes.Aggregate(1d, static (product, size) => product * Math.Max(1, size));

    /// <summary>The least number of elements after padding; the second half of the values is for the ends of the axes.</summary>
    private static double Padded(double[] pads) => Product([.. pads.Take(pads.Length / 2).Zip(pads.Skip(pads.Length / 2), static (before, after) => 1 + before + after)]);

    private ModelInvalidException Refused(string reason, string remedy) => new($"The graph '{_path}' {reason}. {remedy}");
}
