using StableDiffusion.Building;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Pipelines;
using AttributeType = StableDiffusion.Onnx.Graphs.Format.AttributeProto.Types.AttributeType;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx.Graphs;

/// <summary>Graphs with channels as the last axis and group normalizations as one operator, for NVIDIA cards. The processor has no such operator, so that its definition takes its place here.</summary>
public sealed class ChannelsLastTests(SharedModels models)
{
    public static TheoryData<string, string> Parts => new()
    {
        { nameof(SharedModels.Demo), ModelParts.UNet },
        { nameof(SharedModels.Demo), ModelParts.VaeDecoder },
        { nameof(SharedModels.Demo), ModelParts.VaeEncoder },
        { nameof(SharedModels.Sd1), ModelParts.UNet },
        { nameof(SharedModels.Large), ModelParts.UNet },
    };

    public static MatrixTheoryData<string, bool> Folders => new(
        [nameof(SharedModels.Demo), nameof(SharedModels.Thin), nameof(SharedModels.Sd2), nameof(SharedModels.Inpainting), nameof(SharedModels.Large), nameof(SharedModels.Refiner), "ControlNet"], [false, true]);

    /// <summary>All group normalizations with an even number of channels in a group are found, each with the SiLU that follows it, and the graph computes what it computed before.</summary>
    [Theory]
    [MemberData(nameof(Parts))]
    public void A_graph_computes_the_same(string model, string part)
    {
        string path = Path.Combine(models.Find(model), part, ModelParts.Graph);
        ModelProto before = GraphFile.Read(path);
        (long ChannelsOfGroup, bool IsActivated)[] norms = [.. Norms(before.Graph)], even = [.. norms.Where(static norm => norm.ChannelsOfGroup % 2 == 0)];
        ModelProto fused = before.Clone();

        Assert.Equal(even.Length, ChannelsLast.Apply(fused));
        Assert.NotEmpty(even);
        Assert.DoesNotContain(fused.Graph.Node, static node => node.OpType == "InstanceNormalization");
        Assert.Equal(even.Count(static norm => norm.IsActivated), fused.Graph.Node.Count(static node => node.OpType == ChannelsLast.GroupNorm && Value(node, "activation") == 1));
        using OnnxSession plain = OnnxSession.Open(path, Device.Cpu, cancellationToken: Cancellation);
        using OnnxSession defined = OnnxSession.Open(path, Device.Cpu, change: Define, cancellationToken: Cancellation);
        Tensor expected = Run(plain), actual = Run(defined);
        float largest = expected.Values.Max(MathF.Abs);
        Assert.InRange(expected.Values.Zip(actual.Values, static (one, other) => MathF.Abs(one - other)).Max(), 0, 2e-5f * largest);

        static void Define(ModelProto changed)
        {
            ChannelsLast.Apply(changed);
            GroupNormDefinition.Expand(changed.Graph);
        }
    }

    /// <summary>Also the outer layers of a U-Net, a ControlNet, and graphs whose edges meet.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void All_graphs_of_a_model_compute_the_same(string model, bool isCircular)
    {
        using TemporaryFolder folder = new();
        string graphs = folder.Path;
        if (model == "ControlNet")
            ModelBuilder.Write(new ControlNetSource(Repository.Data("adapters", "sd1-controlnet")), graphs, null, Cancellation);
        else
            graphs = models.Find(model);

        int compared = 0, timeIds = model == nameof(SharedModels.Refiner) ? 5 : 6;
        foreach (string path in Directory.EnumerateFiles(graphs, "*.onnx", SearchOption.AllDirectories))
        {
            // The sizes of residuals differ; they are added like other values.
            GraphProto graph = GraphFile.Read(path).Graph;
            if (!Norms(graph).Any(static norm => norm.ChannelsOfGroup % 2 == 0) || graph.Input.Any(static input => input.Name.StartsWith("down_block", StringComparison.Ordinal)))
                continue;
            using OnnxSession plain = OnnxSession.Open(path, Device.Cpu, change: Circle, cancellationToken: Cancellation);
            using OnnxSession defined = OnnxSession.Open(path, Device.Cpu, change: Define, cancellationToken: Cancellation);
            foreach (string output in plain.Outputs.Keys)
            {
                Tensor expected = Run(plain, output, timeIds), actual = Run(defined, output, timeIds);
                float largest = expected.Values.Max(MathF.Abs);
                Assert.Equal(expected.Shape, actual.Shape);
                Assert.InRange(expected.Values.Zip(actual.Values, static (one, other) => MathF.Abs(one - other)).Max(), 0, (GraphFile.IsHalf(graph, "Conv") ? 0.01f : 2e-5f) * largest);
                compared++;
            }
        }

        Assert.True(compared > 0);

        void Define(ModelProto changed)
        {
            Circle(changed);
            Assert.True(ChannelsLast.Apply(changed) > 0);
            GroupNormDefinition.Expand(changed.Graph);
        }

        void Circle(ModelProto changed)
        {
            if (isCircular)
                CircularPadding.Apply(changed.Graph, columns: true, rows: true);
        }
    }

    /// <summary>Half precision rounds less with the operator, which computes in 32 bits throughout.</summary>
    [Fact]
    public void A_graph_in_half_precision_computes_the_same_within_its_rounding()
    {
        using TemporaryFolder folder = new();
        string path = HalfGraph(folder);
        using OnnxSession plain = OnnxSession.Open(path, Device.Cpu, cancellationToken: Cancellation);
        using OnnxSession defined = OnnxSession.Open(path, Device.Cpu, change: Define, cancellationToken: Cancellation);

        Tensor expected = Run(plain), actual = Run(defined);

        float largest = expected.Values.Max(MathF.Abs);
        Assert.InRange(expected.Values.Zip(actual.Values, static (one, other) => MathF.Abs(one - other)).Max(), 0, 0.01f * largest);

        static void Define(ModelProto changed)
        {
            Assert.True(GraphFile.IsHalf(changed.Graph, "Conv"));
            Assert.True(ChannelsLast.Apply(changed) > 0);
            GroupNormDefinition.Expand(changed.Graph);
        }
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_card_has_a_kernel_for_each_node(string model, string part)
    {
        ModelProto fused = GraphFile.Read(Path.Combine(models.Find(model), part, ModelParts.Graph));

        ChannelsLast.Apply(fused);

        Assert.Empty(CudaKernels.Table.FindOthers(fused));
    }

    /// <summary>
    /// ONNX Runtime moves transpositions through sums. The shape of a value on their way is computed on the card, and waited for
    /// in the middle of a run.
    /// </summary>
    [Theory]
    [InlineData(ModelParts.UNet)]
    [InlineData(ModelParts.VaeDecoder)]
    [InlineData(ModelParts.VaeEncoder)]
    public void Shapes_are_those_of_normalized_values(string part)
    {
        ModelProto changed = GraphFile.Read(Path.Combine(models.Demo, part, ModelParts.Graph));
        ChannelsLast.Apply(changed);
        GraphLinks links = new(changed.Graph);

        NodeProto[] shapes = [.. changed.Graph.Node.Where(static node => node.OpType == "Shape")];
        Assert.NotEmpty(shapes);
        Assert.All(shapes, node => Assert.True(links.Producer(node.Input[0], ChannelsLast.GroupNorm) is not null || links.Producer(node.Input[0], "Reshape") is not null));
    }

    /// <summary>One before and one after each convolution, which go when convolutions take channels last, and one for each input and output in that form.</summary>
    [Fact]
    public void Only_convolutions_are_between_transpositions()
    {
        ModelProto changed = GraphFile.Read(Path.Combine(models.Demo, ModelParts.VaeDecoder, ModelParts.Graph));
        Assert.DoesNotContain(Norms(changed.Graph), static norm => norm.ChannelsOfGroup % 2 != 0);

        ChannelsLast.Apply(changed);

        GraphLinks links = new(changed.Graph);
        Assert.All(changed.Graph.Node.Where(static node => node.OpType == "Transpose" && node.Attribute[0].Ints.Count == 4), node => Assert.True(
            links.Producer(node.Input[0], "Conv") is not null || links.OnlyReader(node.Output[0])?.OpType == "Conv" || links.IsOutput(node.Output[0]), node.Name));
    }

    /// <summary>Graphs in integers compute on the processor, and those without group normalizations gain nothing.</summary>
    [Theory]
    [InlineData(nameof(SharedModels.IntegerDemo), ModelParts.UNet)]
    [InlineData(nameof(SharedModels.Demo), ModelParts.TextEncoder)]
    public void Other_graphs_are_left(string model, string part)
    {
        ModelProto graph = GraphFile.Read(Path.Combine(models.Find(model), part, ModelParts.Graph)), before = graph.Clone();

        Assert.Equal(0, ChannelsLast.Apply(graph));

        Assert.Equal(before, graph);
    }

    [Fact]
    public void A_card_has_a_kernel_for_each_node_in_half_precision()
    {
        using TemporaryFolder folder = new();
        ModelProto fused = GraphFile.Read(HalfGraph(folder));

        Assert.True(ChannelsLast.Apply(fused) > 0);

        Assert.Empty(CudaKernels.Table.FindOthers(fused));
    }

    /// <summary>What another part of the graph needs must stay: the normalized value itself, or what the SiLU reads.</summary>
    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("InstanceNormalization", 0, 0)]
    [InlineData("Mul", 0, 0)]
    [InlineData("Add", 1, 0)]
    [InlineData("Sigmoid", 1, 0)]
    public void Nodes_whose_values_are_read_elsewhere_are_left(string returned, int norms, int activated)
    {
        ModelProto model = Small(channels: 8, groups: 4);
        if (returned.Length > 0)
            model.Graph.Output.Add(new ValueInfoProto { Name = model.Graph.Node.First(node => node.OpType == returned).Output[0] });

        Assert.Equal(norms, ChannelsLast.Apply(model));

        Assert.Equal(activated, model.Graph.Node.Count(static node => node.OpType == ChannelsLast.GroupNorm && Value(node, "activation") == 1));
        Assert.Equal(1 - activated, model.Graph.Node.Count(static node => node.OpType == "Sigmoid"));
    }

    /// <summary>A file can say that it was written here and have other operators: a joining of values without its axis.</summary>
    [Fact]
    public void A_graph_that_says_wrongly_that_it_is_own_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        ModelProto model = Small(channels: 8, groups: 4);
        string made = model.Graph.Node[^1].Input[0];
        model.Graph.Node.Insert(model.Graph.Node.Count - 1, new NodeProto { Name = "joined", OpType = "Concat", Input = { made, made }, Output = { "joined" } });
        model.Graph.Output.Add(new ValueInfoProto { Name = "joined" });
        File.WriteAllBytes(folder["model.onnx"], Google.Protobuf.MessageExtensions.ToByteArray(model));

        Assert.Contains(folder["model.onnx"], Assert.Throws<ModelInvalidException>(
            () => OnnxSession.Open(folder["model.onnx"], Device.Cpu, change: static changed => ChannelsLast.Apply(changed), cancellationToken: Cancellation)).Message, StringComparison.Ordinal);
    }

    /// <summary>The operator takes two channels of a group at a time.</summary>
    [Fact]
    public void Groups_with_an_odd_number_of_channels_are_left()
    {
        ModelProto model = Small(channels: 12, groups: 4), before = model.Clone();

        Assert.Equal(0, ChannelsLast.Apply(model));

        Assert.Equal(before, model);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string HalfGraph(TemporaryFolder folder)
    {
        ModelBuilder.Write(new CheckpointSource(FamilyReference.Find("sd1", "sd1-tiny.safetensors"), new ImportOptions { Precision = ModelPrecision.Half }), folder.Path, null, Cancellation);
        return Directory.EnumerateFiles(Path.Combine(folder.Path, ModelParts.UNet), "*.onnx").First(static path => GraphFile.IsHalf(GraphFile.Read(path).Graph, "Conv"));
    }

    private static ModelProto Small(int channels, int groups)
    {
        GraphBuilder graph = new("small");
        Value x = graph.Input("x", 1, channels, 4, 4);
        graph.Output("y", graph.Silu(graph.GroupNorm(x, groups, 1e-5f, Weight("scale"), Weight("shift"), "norm")), 1, channels, 4, 4);
        return graph.ToModel();

        GraphWeight Weight(string name) => new(name, [channels, 1, 1], static values => values.Fill(1));
    }

    private static IEnumerable<(long ChannelsOfGroup, bool IsActivated)> Norms(GraphProto graph)
    {
        ILookup<string, NodeProto> readers = graph.Node.SelectMany(static node => node.Input.Distinct().Select(input => (input, node))).ToLookup(static item => item.input, static item => item.node);
        Dictionary<string, TensorProto> weights = graph.Initializer.ToDictionary(static weight => weight.Name);
        foreach (NodeProto norm in graph.Node.Where(static node => node.OpType == "InstanceNormalization"))
        {
            NodeProto last = norm;
            while (last.OpType != "Add")
                last = readers[last.Output[0]].Single();

            // A SiLU is a product of a value and its sigmoid, and nothing else reads that value.
            yield return (
                weights[last.Input[1]].Dims[0] / weights[norm.Input[1]].Dims[0],
                readers[last.Output[0]].Select(static reader => reader.OpType).Order(StringComparer.Ordinal).SequenceEqual(["Mul", "Sigmoid"]));
        }
    }

    private static long Value(NodeProto node, string name) => node.Attribute.Single(attribute => attribute.Name == name).I;

    private static Tensor Run(OnnxSession session, string? output = null, int timeIds = 6)
    {
        Random random = new(11);
        (OnnxValueInfo, OnnxBuffer)[] inputs = [.. session.Inputs.Values.OrderBy(static info => info.Name, StringComparer.Ordinal).Select(info => (info, new OnnxBuffer(Values(info), info.ElementType)))];
        try
        {
            return session.Run(output is null ? session.Outputs.Values.First() : session.Output(output), Cancellation, inputs);
        }
        finally
        {
            foreach ((OnnxValueInfo _, OnnxBuffer buffer) in inputs)
                buffer.Dispose();
        }

        // Sides that a graph leaves open are not square.
        Tensor Values(OnnxValueInfo info)
        {
            int[] shape = [.. info.Dimensions.Select((length, axis) => length > 0 ? length : (info.Rank, axis) switch
            {
                (_, 0) => 1,
                (4, 2) => info.Name == "controlnet_cond" ? 128 : 16,
                (4, 3) => info.Name == "controlnet_cond" ? 64 : 8,
                (3, 1) => 77,
                _ => info.Name == "text_embeds" ? 128 : timeIds,
            })];
            return new Tensor([.. Enumerable.Range(0, shape.Aggregate(1, static (a, b) => a * b)).Select(_ => (float)((random.NextDouble() * 4) - 2))], shape);
        }
    }

    /// <summary>The operator written as others, by its definition: Wu and He, arXiv 1803.08494, equations 1, 2 and 6. All is computed in 32 bits.</summary>
    private sealed class GroupNormDefinition
    {
        // Of [batch, height, width, groups, channels of a group].
        private static readonly long[] s_groupAxes = [1, 2, 4];

        private readonly GraphProto _graph;
        private readonly NodeProto _node;
        private int _count;

        private GroupNormDefinition(GraphProto graph, NodeProto node) => (_graph, _node) = (graph, node);

        public static void Expand(GraphProto graph)
        {
            NodeProto[] nodes = [.. graph.Node];
            graph.Node.Clear();
            foreach (NodeProto node in nodes)
            {
                if (node.OpType == ChannelsLast.GroupNorm)
                    new GroupNormDefinition(graph, node).Expand();
                else
                    graph.Node.Add(node);
            }
        }

        private void Expand()
        {
            string input = _node.Input[0];
            string groups = Add("Reshape", Add("Cast", input), Constant(0, 0, 0, Value(_node, "groups"), -1));
            string centered = Add("Sub", groups, Add("ReduceMean", groups));
            string deviation = Add("Sqrt", Add("Add", Add("ReduceMean", Add("Mul", centered, centered)), Constant(_node.Attribute.Single(static attribute => attribute.Name == "epsilon").F)));
            string normalized = Add("Reshape", Add("Div", centered, deviation), Constant(0, 0, 0, -1));
            string result = Add("Add", Add("Mul", normalized, _node.Input[1]), _node.Input[2]);
            if (Value(_node, "activation") == 1)
                result = Add("Mul", result, Add("Sigmoid", result));
            _graph.Node.Add(new NodeProto { OpType = "CastLike", Input = { result, input }, Output = { _node.Output[0] } });
        }

        private string Add(string operation, params string[] inputs)
        {
            string name = $"defined/{_node.Name}/{_count++}";
            NodeProto node = new() { OpType = operation, Input = { inputs }, Output = { name } };
            if (operation == "Cast")
                node.Attribute.Add(new AttributeProto { Name = "to", Type = AttributeType.Int, I = (long)DataType.Float });
            if (operation == "ReduceMean")
                node.Attribute.Add(new AttributeProto { Name = "axes", Type = AttributeType.Ints, Ints = { s_groupAxes } });
            _graph.Node.Add(node);
            return name;
        }

        private string Constant(params long[] values) => Add(SmallGraph.Integers($"defined/{_node.Name}/{_count++}", values));

        private string Constant(float value) => Add(new TensorProto { Name = $"defined/{_node.Name}/{_count++}", DataType = DataType.Float, RawData = Google.Protobuf.ByteString.CopyFrom(BitConverter.GetBytes(value)) });

        private string Add(TensorProto constant)
        {
            _graph.Initializer.Add(constant);
            return constant.Name;
        }
    }
}
