using System.Globalization;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Text.RegularExpressions;
using Google.Protobuf;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;
using Tensor = StableDiffusion.Tensors.Tensor;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>ONNX Runtime's operators: small graphs of the operators that the engine lets a graph have, which are opened and run.</summary>
internal sealed partial class OperatorTarget() : FuzzTarget("onnx-operators", OperatorMutations.All)
{
    private const int Version = 17;
    private const string MicrosoftDomain = "com.microsoft";

    // The name of a graph's first input.
    private const string FirstInput = "x0";

    public override bool IsNative => true;

    /// <summary>Changes of other kinds are those of the other targets of graphs.</summary>
    protected override bool AddsBytes => false;

    public override IEnumerable<string> Run(byte[] data)
    {
        string path = FuzzFiles.Write(data, "operators", "model.onnx");
        using OnnxSession session = OnnxSession.Open(path, Device.Cpu);
        Dictionary<string, int[]> shapes = OperatorMutations.InputShapes(data);
        List<(OnnxValueInfo, OnnxBuffer)> inputs = [];
        try
        {
            uint key = XxHash32.HashToUInt32(data);
            foreach ((string name, OnnxValueInfo input) in session.Inputs)
                inputs.Add((input, new OnnxBuffer(Values(shapes[name], key++), input.ElementType)));
            session.Run([.. session.Outputs.Values], CancellationToken.None, [.. inputs]);
        }
        finally
        {
            foreach ((OnnxValueInfo _, OnnxBuffer buffer) in inputs)
                buffer.Dispose();
        }

        return [];
    }

    protected override IEnumerable<byte[]> MakeCorpus() => OperatorCases.Lines.Select(Graph);

    private static Tensor Values(int[] shape, uint key)
    {
        Tensor tensor = new(shape);
        new PhiloxRandom(key).Normal(tensor.Span);
        float[] special = [0, -1, 3, float.NaN, float.PositiveInfinity, 3e4f, -3e4f, 1e38f];
        if (key % 4 == 0 && tensor.Length > 0)
            tensor.Values[(int)(key / 4 % tensor.Length)] = special[key / 16 % special.Length];
        if (key % 3 == 0)
            TensorPrimitives.Round<float>(tensor.Span, tensor.Span);
        return tensor;
    }

    /// <summary>Makes the graph that a line describes.</summary>
    private static byte[] Graph(string line)
    {
        GraphProto graph = new() { Name = "graph" };
        ModelProto model = new()
        {
            IrVersion = 10,
            Graph = graph,
            OpsetImport = { new OperatorSetIdProto { Version = Version }, new OperatorSetIdProto { Domain = MicrosoftDomain, Version = 1 } },
        };
        string[] operators = line.Split(';', StringSplitOptions.TrimEntries);
        for (int i = 1; i <= operators.Length; i++)
            AddOperator(model, operators[i - 1], i);

        foreach (string made in graph.Node[^1].Output.ToArray())
        {
            graph.Node.Add(Cast(made, $"y_{made}", DataType.Float));
            graph.Output.Add(new ValueInfoProto { Name = $"y_{made}", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = DataType.Float } } });
        }

        return model.ToByteArray();
    }

    private static void AddOperator(ModelProto model, string text, int number)
    {
        Match match = Operator().Match(text);
        string[] name = match.Groups["name"].Value.Split('@');
        bool isMicrosofts = name[0].StartsWith("ms.", StringComparison.Ordinal);
        NodeProto node = new() { OpType = isMicrosofts ? name[0][3..] : name[0], Domain = isMicrosofts ? MicrosoftDomain : string.Empty, Name = $"operator{number}" };
        if (name.Length > 1)
            model.OpsetImport[0].Version = Whole(name[1]);
        foreach (Match input in Input().Matches(match.Groups["inputs"].Value))
            node.Input.Add(AddInput(model.Graph, input));
        foreach (Match setting in Setting().Matches(match.Groups["settings"].Value))
            node.Attribute.Add(Attribute(setting.Groups["name"].Value, setting.Groups["value"].Value));
        long outputs = match.Groups["outputs"] is { Success: true, Value: string count } ? Whole(count) : 1;
        for (int i = 0; i < outputs; i++)
            node.Output.Add(i == 0 ? $"made{number}" : $"made{number}_{i}");
        model.Graph.Node.Add(node);
    }

    private static string AddInput(GraphProto graph, Match input)
    {
        string kind = input.Groups["kind"].Value;
        string[] values = input.Groups["values"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries);
        DataType type = input.Groups["type"] is { Success: true, Value: string number } ? (DataType)int.Parse(number, CultureInfo.InvariantCulture) : DataType.Float;
        string name = $"{kind}{graph.Input.Count + graph.Initializer.Count}";
        switch (kind)
        {
            case "-":
                return string.Empty;
            case "%":
                return $"made{input.Groups["values"].Value}";
            case "" when input.Value == FirstInput:
                return FirstInput;
            case "a" or "x":
                TensorShapeProto shape = new();
                foreach (string value in values)
                    shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = value });
                graph.Input.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = DataType.Float, Shape = shape } } });
                string whole = kind == "a" ? $"abs_{name}" : name;
                if (kind == "a")
                    graph.Node.Add(new NodeProto { OpType = "Abs", Input = { name }, Output = { whole } });
                if (type == DataType.Float)
                    return whole;
                graph.Node.Add(Cast(whole, $"cast_{name}", type));
                return $"cast_{name}";
            case "w":
                TensorProto weight = new() { Name = name, DataType = type, Dims = { values.Select(Whole) } };
                OperatorMutations.Fill(weight, new Random(name.Length + values.Length));
                graph.Initializer.Add(weight);
                return name;
            default:
                bool isFloat = kind is "f" or "t";
                TensorProto constant = new() { Name = name, DataType = isFloat ? DataType.Float : DataType.Int64, RawData = ByteString.CopyFrom([.. values.SelectMany(value => isFloat ? BitConverter.GetBytes(Real(value)) : BitConverter.GetBytes(Whole(value)))]) };
                if (kind is "i" or "f")
                    constant.Dims.Add(values.Length);
                graph.Initializer.Add(constant);
                return name;
        }
    }

    private static NodeProto Cast(string input, string output, DataType type) => new()
    {
        OpType = "Cast",
        Input = { input },
        Output = { output },
        Attribute = { new AttributeProto { Name = "to", I = (int)type, Type = AttributeType.Int } },
    };

    private static AttributeProto Attribute(string name, string value) => value switch
    {
        ['\'', .. string text, '\''] => new AttributeProto { Name = name, S = ByteString.CopyFromUtf8(text), Type = AttributeType.String },
        _ when value.Contains('.', StringComparison.Ordinal) => new AttributeProto { Name = name, F = Real(value), Type = AttributeType.Float },
        _ when value.AsSpan().ContainsAny('[', ',') => new AttributeProto { Name = name, Ints = { value.Trim('[', ']').Split(',').Select(Whole) }, Type = AttributeType.Ints },
        _ => new AttributeProto { Name = name, I = Whole(value), Type = AttributeType.Int },
    };

    private static long Whole(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static float Real(string text) => float.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>\S+)(?<inputs>[^|>]*)(\|(?<settings>[^>]*(?:->[^>]*)?))?(> (?<outputs>\d))?$")]
    private static partial Regex Operator();

    [GeneratedRegex(@"(?<kind>-)(?=\s|$)|(?<kind>%)(?<values>\d+)|(?<=^|\s)x0(?=\s|$)|(?<kind>[axw])(:(?<type>\d+))?\[(?<values>[\d,]*)\]|(?<kind>[isft])\((?<values>[\d.,-]*)\)")]
    private static partial Regex Input();

    [GeneratedRegex(@"(?<name>\w+)=(?<value>'[^']*'|\S+)")]
    private static partial Regex Setting();
}
