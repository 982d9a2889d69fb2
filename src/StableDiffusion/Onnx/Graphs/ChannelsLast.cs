using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using StableDiffusion.Onnx.Graphs.Format;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// Writes a graph of <see cref="GraphBuilder"/> anew for NVIDIA cards: feature maps have the channels as their last axis, as
/// the fast convolutions of cards want them, and each group normalization with the SiLU that follows it is one operator.
/// </summary>
/// <remarks>
/// <para>
/// The operator is <c>GroupNorm</c> of ONNX Runtime's ContribOperators.md, which its CUDA provider has. It computes in 32 bits, and
/// two channels of a group at a time, of up to 512.
/// </para>
/// <para>
/// Convolutions stay between two transpositions, which ONNX Runtime removes when its CUDA provider takes channels last. It moves
/// them through a graph by itself too, but then computes the shapes of transposed values on the card, and waits for them. So shapes
/// are read from the results of group normalizations, through which it moves none.
/// </para>
/// </remarks>
internal static class ChannelsLast
{
    /// <summary>The name of the operator for a group normalization.</summary>
    public const string GroupNorm = "GroupNorm";

    private const int ChannelsAtOnce = 2;
    private const int MostChannels = 512;

    /// <summary>Changes a graph. Its weights stay where they are, in the file beside it.</summary>
    /// <param name="model">A graph that <see cref="GraphFile.IsOwn"/>.</param>
    /// <returns>The number of group normalizations that are one operator now; with none, the graph is unchanged.</returns>
    public static int Apply(ModelProto model)
    {
        int count = new Rewriting(model.Graph).Run();
        if (count > 0 && model.OpsetImport.All(static set => set.Domain != GraphBuilder.MicrosoftDomain))
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = GraphBuilder.MicrosoftDomain, Version = 1 });
        return count;
    }

    private sealed class Rewriting(GraphProto graph)
    {
        private const string Prefix = "last/";
        private const string AddedPrefix = "last/added/";
        private const int Rank = 4;

        // That of the operator in ONNX's standard.
        private const float DefaultEpsilon = 1e-5f;

        // From [batch, channels, height, width] to [batch, height, width, channels], and back.
        private static readonly long[] s_toLast = [0, 2, 3, 1];
        private static readonly long[] s_toFirst = [0, 3, 1, 2];

        // Where each axis goes.
        private static readonly long[] s_axes = [0, 3, 1, 2];

        // Those of the values of a group, in [batch, height, width, groups, channels of a group].
        private static readonly long[] s_groupAxes = [1, 2, 4];

        // From [batch, channels, pixels] to tokens [batch, pixels, channels], and back.
        private static readonly long[] s_tokens = [0, 2, 1];

        private static readonly HashSet<string> s_elementwise = ["Add", "Cast", "Div", "Identity", "Mul", "Relu", "Sigmoid", "Sub", "Tanh"];

        private readonly GraphLinks _links = new(graph);
        private readonly Dictionary<string, TensorProto> _weights = graph.Initializer.ToDictionary(static weight => weight.Name, StringComparer.Ordinal);
        private readonly string[] _outputs = [.. graph.Output.Select(static output => output.Name)];

        // The names of feature maps with channels last, by those of the values.
        private readonly Dictionary<string, string> _last = new(StringComparer.Ordinal);

        // Values that have the shape of others with channels last, and through which no transposition is moved.
        private readonly Dictionary<string, string> _alike = new(StringComparer.Ordinal);

        // Values with four axes whose channels are the second one: known ones, and those of values that exist in both forms.
        private readonly HashSet<string> _first = [.. graph.Input.Where(static input => input.Type.TensorType.Shape?.Dim.Count == Rank).Select(static input => input.Name)];

        private int _count;

        public int Run()
        {
            Dictionary<NodeProto, GroupNormNodes> norms = new(ReferenceEqualityComparer.Instance);
            foreach (NodeProto node in graph.Node.Where(static node => node.OpType == "InstanceNormalization"))
            {
                if (GroupNormNodes.Find(node, _links, name => _weights.GetValueOrDefault(name)) is GroupNormNodes norm)
                    norms.Add(norm.Last, norm);
            }

            int fused = norms.Values.Count(IsFused);

            // What computes in integers does so on the processor.
            if (fused == 0 || graph.Node.Any(static node => node.OpType == "QuantizeLinear"))
                return 0;
            NodeProto[] nodes = [.. graph.Node];
            graph.Node.Clear();
            foreach (NodeProto node in nodes)
            {
                if (norms.TryGetValue(node, out GroupNormNodes? norm) && IsFused(norm))
                    Fuse(norm);
                else if (norm is not null)
                    Normalize(norm);
                else if (!TryRewrite(node))
                    Keep(node);
            }

            foreach (string output in _outputs.Where(_last.ContainsKey))
                First(output);
            GraphLinks.Prune(graph, _outputs);
            return fused;
        }

        private bool TryRewrite(NodeProto node) => node.OpType switch
        {
            "Conv" => Convolve(node),
            "Concat" => Concatenate(node),
            "Resize" => Resize(node),
            "Slice" => Slice(node),
            "Shape" => Measure(node),
            "Transpose" => Flatten(node),
            "Reshape" => Unflatten(node),
            _ => s_elementwise.Contains(node.OpType) && Calculate(node),
        };

        /// <summary>Keeps a node that needs its inputs as they were.</summary>
        private void Keep(NodeProto node)
        {
            foreach (string input in node.Input.Where(_last.ContainsKey))
                First(input);
            graph.Node.Add(node);

            // A value of four axes by its shape, or made of one.
            bool hasRank = node.OpType == "Reshape"
                ? Integers(node.Input[1])?.Length == Rank || _links.Producer(node.Input[1], "Shape") is { } shape && Attribute(shape, "start") == 0 && Attribute(shape, "end") == Rank
                : s_elementwise.Contains(node.OpType) && node.Input.Any(_first.Contains);
            if (hasRank)
                _first.Add(node.Output[0]);
        }

        private bool Convolve(NodeProto node)
        {
            Keep(node);
            _first.Add(node.Output[0]);
            Last(node.Output[0]);
            return true;
        }

        private static bool IsFused(GroupNormNodes norm) => norm.ChannelsOfGroup % ChannelsAtOnce == 0 && norm.ChannelsOfGroup <= MostChannels;

        private void Fuse(GroupNormNodes norm)
        {
            NodeProto fused = new()
            {
                Name = $"{Prefix}{norm.Normalization.Name}",
                OpType = GroupNorm,
                Domain = GraphBuilder.MicrosoftDomain,
                Input = { Last(norm.Input), Single(norm.Scale), Single(norm.Shift) },
                Output = { Made(norm.Last.Output[0]) },
                Attribute =
                {
                    norm.Normalization.Attribute.Where(static attribute => attribute.Name == "epsilon"),
                    Integer("groups", norm.Groups),
                    Integer("activation", norm.IsActivated ? 1 : 0),
                    Integer("channels_last", 1),
                },
            };
            graph.Node.Add(fused);
            _alike.TryAdd(norm.Input, fused.Output[0]);
        }

        /// <summary>Writes a normalization of groups with an odd number of channels, which only tiny models have, by its definition: Wu and He, arXiv 1803.08494.</summary>
        private void Normalize(GroupNormNodes norm)
        {
            string input = Last(norm.Input);
            string groups = Add("Reshape", [norm.IsHalf ? Convert(input, DataType.Float) : input, Constant(0, 0, 0, norm.Groups, -1)]);
            string centered = Add("Sub", [groups, Mean(groups)]);
            float epsilon = norm.Normalization.Attribute.FirstOrDefault(static attribute => attribute.Name == "epsilon")?.F ?? DefaultEpsilon;
            string deviation = Add("Sqrt", [Add("Add", [Mean(Add("Mul", [centered, centered])), Constant([epsilon])])]);
            string result = Add("Reshape", [Add("Div", [centered, deviation]), Constant(0, 0, 0, -1)]);
            _alike.TryAdd(norm.Input, result);
            result = Add("Add", [Add("Mul", [result, Single(norm.Scale)]), Single(norm.Shift)]);
            if (norm.IsActivated)
                result = Add("Mul", [result, Add("Sigmoid", [result])]);
            _last[norm.Last.Output[0]] = norm.IsHalf ? Convert(result, DataType.Float16) : result;

            string Mean(string value) => Add("ReduceMean", [value], Integers("axes", s_groupAxes));
        }

        /// <summary>A weight in 32 bits, [channels]. ONNX Runtime computes it once, when it opens the graph.</summary>
        private string Single(TensorProto weight)
        {
            string flat = Add("Reshape", [weight.Name, Constant(-1)]);
            return weight.DataType == DataType.Float ? flat : Convert(flat, DataType.Float);
        }

        private string Convert(string value, DataType type) => Add("Cast", [value], Integer("to", (long)type));

        private bool Calculate(NodeProto node)
        {
            if (!node.Input.Any(_last.ContainsKey))
                return false;
            Func<string>?[] inputs = [.. node.Input.Select(Operand)];
            if (Array.Exists(inputs, static input => input is null))
                return false;
            Write(node, [.. inputs.Select(static input => input!())]);
            if (node.Input.Select(input => _alike.GetValueOrDefault(input)).FirstOrDefault(static alike => alike is not null) is string alike)
                _alike.TryAdd(node.Output[0], alike);
            return true;
        }

        /// <summary>What an operator that computes each value by itself reads in place of an input; null if that is not known.</summary>
        private Func<string>? Operand(string input)
        {
            if (_last.ContainsKey(input) || _first.Contains(input))
                return Pixels(input) ?? (() => Last(input));
            if ((_weights.GetValueOrDefault(input) ?? Converted(input)) is not TensorProto weight)
                return null;
            return weight.Dims is [] or [1] ? () => input : weight.Dims is [_, 1, 1] or [1, _, 1, 1] ? () => Add("Reshape", [input, Constant(-1)]) : null;
        }

        /// <summary>A vector for each image that is added to all pixels, such as the embedding of the timestep.</summary>
        private Func<string>? Pixels(string input) =>
            _links.Producer(input, "Reshape") is { } reshaped && Integers(reshaped.Input[1]) is [long batch, long channels, 1, 1] && !_last.ContainsKey(reshaped.Input[0])
                ? () => Add("Reshape", [reshaped.Input[0], Constant(batch, 1, 1, channels)])
                : null;

        private TensorProto? Converted(string value) => _links.Producer(value, "Cast") is { } cast ? _weights.GetValueOrDefault(cast.Input[0]) : null;

        private bool Concatenate(NodeProto node)
        {
            if (!node.Input.Any(_last.ContainsKey) || !node.Input.All(input => _last.ContainsKey(input) || _first.Contains(input)))
                return false;
            NodeProto joined = Write(node, [.. node.Input.Select(Last)]);
            AttributeProto axis = joined.Attribute.Single(static attribute => attribute.Name == "axis");
            axis.I = s_axes[axis.I];
            return true;
        }

        private bool Resize(NodeProto node)
        {
            if (!_last.ContainsKey(node.Input[0]) || node.Input.Count != 3 || node.Input[1].Length > 0 || Floats(node.Input[2]) is not { Length: Rank } scales)
                return false;
            Write(node, [Last(node.Input[0]), string.Empty, Constant([.. s_toLast.Select(axis => scales[axis])])]);
            return true;
        }

        private bool Slice(NodeProto node)
        {
            if (!_last.ContainsKey(node.Input[0]) || node.Input.Count != Rank || Integers(node.Input[3]) is not { } axes || axes.Any(static axis => axis is < 0 or >= Rank))
                return false;
            Write(node, [Last(node.Input[0]), node.Input[1], node.Input[2], Constant([.. axes.Select(static axis => s_axes[axis])])]);
            return true;
        }

        /// <summary>The height and the width are next to each other in both forms.</summary>
        private bool Measure(NodeProto node)
        {
            if (Alike(node.Input[0]) is not string alike || Attribute(node, "start") != 2 || Attribute(node, "end") != Rank)
                return false;
            graph.Node.Add(new NodeProto { Name = node.Name, OpType = node.OpType, Input = { alike }, Output = { node.Output[0] }, Attribute = { Integer("start", 1), Integer("end", 3) } });
            return true;
        }

        /// <summary>Makes tokens of feature maps, which takes a transposition no more.</summary>
        private bool Flatten(NodeProto node)
        {
            if (!IsOfTokens(node) || _links.Producer(node.Input[0], "Reshape") is not { } split || !_last.TryGetValue(split.Input[0], out string? last) || Integers(split.Input[1]) is not [0, long channels, -1])
                return false;
            graph.Node.Add(new NodeProto { Name = node.Name, OpType = "Reshape", Input = { last, Constant(0, -1, channels) }, Output = { node.Output[0] } });
            return true;
        }

        /// <summary>Makes feature maps of tokens.</summary>
        private bool Unflatten(NodeProto node)
        {
            if (_links.Producer(node.Input[0], "Transpose") is not { } turned || !IsOfTokens(turned) || _links.Producer(node.Input[1], "Shape") is not { } shape)
                return false;
            if (Alike(shape.Input[0]) is not string alike || Attribute(shape, "start") != 0 || Attribute(shape, "end") != Rank)
                return false;
            string size = Add("Shape", [alike]);
            graph.Node.Add(new NodeProto { Name = node.Name, OpType = "Reshape", Input = { turned.Input[0], size }, Output = { Made(node.Output[0]) } });
            return true;
        }

        /// <summary>A value with the shape of another one with channels last.</summary>
        private string? Alike(string value) => _alike.GetValueOrDefault(value) ?? _last.GetValueOrDefault(value);

        private static bool IsOfTokens(NodeProto transposition) => transposition.Attribute.Single(static attribute => attribute.Name == "perm").Ints.SequenceEqual(s_tokens);

        /// <summary>The name of a value with channels last, which is made of the other form if it is not there.</summary>
        private string Last(string value)
        {
            if (!_last.TryGetValue(value, out string? last))
                Transpose(value, Made(value), s_toLast);
            return last ?? _last[value];
        }

        /// <summary>Makes a value in its own form, unless it is there.</summary>
        private void First(string value)
        {
            if (_first.Add(value))
                Transpose(_last[value], value, s_toFirst);
        }

        private void Transpose(string from, string to, long[] order) => graph.Node.Add(new NodeProto
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{AddedPrefix}Transpose_{_count++}"),
            OpType = "Transpose",
            Input = { from },
            Output = { to },
            Attribute = { Integers("perm", order) },
        });

        /// <summary>Notes that a value is there with channels last.</summary>
        /// <returns>Its name.</returns>
        private string Made(string value) => _last[value] = Prefix + value;

        /// <summary>Adds a node with the operator and the attributes of another one, whose output has channels last.</summary>
        private NodeProto Write(NodeProto node, string[] inputs)
        {
            NodeProto written = new() { Name = node.Name, OpType = node.OpType, Domain = node.Domain, Input = { inputs }, Output = { Made(node.Output[0]) }, Attribute = { node.Attribute.Select(static attribute => attribute.Clone()) } };
            graph.Node.Add(written);
            return written;
        }

        private string Add(string operation, string[] inputs, params AttributeProto[] attributes)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{AddedPrefix}{operation}_{_count++}");
            graph.Node.Add(new NodeProto { Name = name, OpType = operation, Input = { inputs }, Output = { name }, Attribute = { attributes } });
            return name;
        }

        private string Constant(params ReadOnlySpan<long> values) => Constant(DataType.Int64, string.Join('_', values.ToArray()), values.Length, MemoryMarshal.AsBytes(values));

        private string Constant(float[] values) => Constant(DataType.Float, string.Join('_', values.Select(static value => value.ToString("R", CultureInfo.InvariantCulture))), values.Length, MemoryMarshal.AsBytes<float>(values));

        private string Constant(DataType type, string text, int length, ReadOnlySpan<byte> bytes)
        {
            string name = $"{AddedPrefix}{type}/{text}";
            if (!_weights.ContainsKey(name))
            {
                TensorProto constant = new() { Name = name, DataType = type, Dims = { length }, RawData = ByteString.CopyFrom(bytes) };
                graph.Initializer.Add(constant);
                _weights.Add(name, constant);
            }

            return name;
        }

        private long[]? Integers(string name) => Values<long>(name, DataType.Int64);

        private float[]? Floats(string name) => Values<float>(name, DataType.Float);

        private T[]? Values<T>(string name, DataType type)
            where T : unmanaged => _weights.TryGetValue(name, out TensorProto? weight) && weight.DataType == type && weight.ExternalData.Count == 0 ? MemoryMarshal.Cast<byte, T>(weight.RawData.Span).ToArray() : null;

        private static long? Attribute(NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.I;

        private static AttributeProto Integers(string name, long[] values) => new() { Name = name, Type = AttributeType.Ints, Ints = { values } };

        private static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };
    }
}
