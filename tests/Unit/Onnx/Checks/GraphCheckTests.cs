using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using StableDiffusion.Building;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx.Checks;

/// <summary>Graphs from elsewhere that ONNX Runtime must not see.</summary>
public sealed class GraphCheckTests : IDisposable
{
    private const string LimitVariable = "STABLEDIFFUSION_MAX_GRAPH_MB";

    // Fields of a tensor.
    private const int Int32Data = 5;
    private const int Int64Data = 7;
    private const int RawData = 9;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Loop", "")]
    [InlineData("Scan", "")]
    [InlineData("SequenceMap", "")]
    [InlineData("RegexFullMatch", "")]
    [InlineData("StringConcat", "")]
    [InlineData("STFT", "")]
    [InlineData("RoiAlign", "")]
    [InlineData("OptionalGetElement", "ai.onnx")]
    [InlineData("BeamSearch", "com.microsoft")]
    [InlineData("EPContext", "com.microsoft")]
    [InlineData("Tokenizer", "com.microsoft")]
    [InlineData("GroupQueryAttention", "com.microsoft")]
    [InlineData("QLinearAdd", "com.microsoft")]
    [InlineData("LabelEncoder", "ai.onnx.ml")]
    [InlineData("Conv", "com.microsoft.nchwc")]
    [InlineData("Gelu", "com.example")]
    public void An_operator_that_image_models_do_not_have_is_refused(string name, string domain)
    {
        NodeProto node = SmallGraph.Node(name, "x", "x", "x");
        node.Domain = domain;
        string message = Refused(SmallGraph.Of(node));
        Assert.Contains($"operator {KnownOperators.FullName(domain, name)}, which image models do not have", message, StringComparison.Ordinal);
        Assert.Contains(KnownOperators.Variable, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_operator_that_a_person_trusts_is_taken()
    {
        NodeProto node = SmallGraph.Node("Det", "x");
        Environment.SetEnvironmentVariable(KnownOperators.Variable, "RoiAlign, Det");
        try
        {
            GraphCheck.Check(SmallGraph.Save(_folder["in", "model.onnx"], SmallGraph.Of(node)));

            node.Domain = "com.example";
            Assert.Contains("com.example.Det", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(KnownOperators.Variable, null);
        }
    }

    [Theory]
    [InlineData("Max", "x", "", "x")]
    [InlineData("Einsum", "x", "")]
    [InlineData("LayerNormalization", "x", "x", "")]
    [InlineData("Add", "x")]
    [InlineData("Conv", "", "x")]
    [InlineData("Where", "x", "x")]
    public void An_operator_that_lacks_an_input_is_damaged(string name, params string[] inputs) =>
        Assert.Contains($"an operator {name} lacks an input", Refused(SmallGraph.Of(SmallGraph.Node(name, inputs))), StringComparison.Ordinal);

    [Theory]
    [InlineData("RandomNormalLike", "scale", 0)]
    [InlineData("RandomNormal", "scale", -1)]
    [InlineData("RandomNormalLike", "scale", float.NaN)]
    [InlineData("RandomUniform", "low", 1)]
    [InlineData("RandomUniformLike", "high", float.PositiveInfinity)]
    [InlineData("RandomUniformLike", "low", -3.4e38f)]
    public void Random_numbers_without_a_range_are_damage(string name, string setting, float value)
    {
        NodeProto node = Setting(SmallGraph.Node(name, "x"), new AttributeProto { Name = setting, F = value, Type = AttributeProto.Types.AttributeType.Float });
        if (setting == "low" && value < 0)
            Setting(node, new AttributeProto { Name = "high", F = -value, Type = AttributeProto.Types.AttributeType.Float });
        Assert.Contains($"an operator {name} has no range", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_among_the_weights_or_made_of_numbers_are_refused()
    {
        Assert.Contains("texts in the weight 'words'", Refused(SmallGraph.Of(SmallGraph.Node("Identity", "words"), new TensorProto { Name = "words", DataType = (DataType)8 })), StringComparison.Ordinal);
        Assert.Contains("makes texts of numbers", Refused(SmallGraph.Of(Named("Cast", "made", "x", to: 8))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Einsum", 1L, 0L, 8L, 8L)]
    [InlineData("QLinearMatMul", 0L, 4L, 3L, 3L)]
    [InlineData("LayerNormalization", 0L)]
    [InlineData("MatMul", 8L, 0L)]
    public void A_weight_without_elements_is_refused(string name, params long[] shape)
    {
        string[] inputs = name == "QLinearMatMul" ? ["x", "x", "x", "k", "x", "x", "x", "x"] : ["x", "k"];
        Assert.Contains("a constant without elements, 'k'", Refused(SmallGraph.Of(SmallGraph.Node(name, inputs), Zeros("k", shape))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2L, 0L)]
    [InlineData(0L)]
    public void A_weight_without_elements_in_a_branch_is_refused(params long[] shape)
    {
        // The branch has no operator that takes it.
        GraphProto inner = new() { Name = "branch", Initializer = { Zeros("none", shape) }, Output = { SmallGraph.Value("none") } };
        NodeProto node = SmallGraph.Node("If", "x");
        node.Attribute.Add(SmallGraph.With(new AttributeProto { Name = "then_branch" }, 6, inner));
        Assert.Contains("a constant without elements, 'none'", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_without_elements_that_is_computed_is_refused_but_lists_without_elements_are_usual()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("MatMul", "x", "none"), SmallGraph.Integers("sizes", 8, 0));
        graph.Node.Insert(0, Named("ConstantOfShape", "none", "sizes"));
        Assert.Contains("a constant without elements, 'none'", Refused(graph), StringComparison.Ordinal);

        GraphProto usual = SmallGraph.Of(SmallGraph.Node("Resize", "x", "roi", "factors"), SmallGraph.Integers("axes"), Zeros("roi", 0), Zeros("factors", 1));
        usual.Node.Insert(0, Named("Squeeze", "y1", "x", "axes"));
        usual.Node.Insert(0, Named("Reshape", "y2", "x", "axes"));
        GraphCheck.Check(SmallGraph.Save(_folder["in", "model.onnx"], usual));
    }

    [Theory]
    [InlineData("Conv", "pads")]
    [InlineData("ConvTranspose", "dilations")]
    [InlineData("AveragePool", "kernel_shape")]
    [InlineData("MaxPool", "kernel_shape")]
    public void A_convolution_of_giant_steps_is_refused(string name, string setting)
    {
        NodeProto node = Setting(SmallGraph.Node(name, "x", "x"), new AttributeProto { Name = setting, Ints = { 0, 16_777_216, 1, 1 }, Type = AttributeProto.Types.AttributeType.Ints });
        Assert.Contains($"an operator {name} with 16777216 as its {setting}", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_convolution_of_no_group_is_damaged()
    {
        NodeProto node = Setting(SmallGraph.Node("Conv", "x", "k"), new AttributeProto { Name = "group", I = 0, Type = AttributeProto.Types.AttributeType.Int });
        Assert.Contains("an operator Conv has less than one group", Refused(SmallGraph.Of(node, Zeros("k", 4, 0, 3, 3))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-2)]
    [InlineData(int.MinValue)]
    public void A_look_up_with_less_than_no_batch_dimension_is_damaged(int count)
    {
        NodeProto node = Setting(SmallGraph.Node("GatherND", "x", "k"), new AttributeProto { Name = "batch_dims", I = count, Type = AttributeProto.Types.AttributeType.Int });
        Assert.Contains("an operator GatherND has less than no batch dimension", Refused(SmallGraph.Of(node, Zeros("k", 1, 4, 1))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_in_a_branch_is_refused()
    {
        AttributeProto branch = SmallGraph.With(new AttributeProto { Name = "then_branch" }, 6, SmallGraph.Of(SmallGraph.Node("Loop", "x")));
        NodeProto node = SmallGraph.Node("If", "x");
        node.Attribute.Add(branch);
        Assert.Contains("operator Loop", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);
    }

    [Fact]
    public void Graphs_in_graphs_are_refused_beyond_a_depth()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Identity", "x"));
        for (int depth = 0; depth < 100; depth++)
        {
            NodeProto node = SmallGraph.Node("If", "x");
            node.Attribute.Add(SmallGraph.With(new AttributeProto { Name = "then_branch" }, 6, graph));
            graph = SmallGraph.Of(node);
        }

        Assert.Contains("graphs inside graphs", Refused(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void Operators_of_others_and_functions_are_refused()
    {
        NodeProto node = SmallGraph.Node("Magic", "x");
        node.Domain = "com.example";
        Assert.Contains("com.example.Magic", Refused(SmallGraph.Of(node)), StringComparison.Ordinal);

        ModelProto model = SmallGraph.With(SmallGraph.Model(SmallGraph.Of(SmallGraph.Node("Identity", "x"))), 25, new NodeProto());
        File.WriteAllBytes(_folder["model.onnx"], model.ToByteArray());
        Assert.Contains("functions of its own", Refused(_folder["model.onnx"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("com.microsoft")]
    [InlineData("")]
    [InlineData("ai.onnx")]
    public void Operators_of_one_domain_in_two_versions_are_damage(string domain)
    {
        ModelProto model = SmallGraph.Model(SmallGraph.Of(SmallGraph.Node("Identity", "x")));
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = 16 });
        File.WriteAllBytes(_folder["model.onnx"], model.ToByteArray());
        Assert.Contains($"the version of the operators of '{domain}' twice", Refused(_folder["model.onnx"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_from_a_giant_number_to_one_that_the_graph_computes_is_refused() =>
        Assert.Contains("B with the operator Range", Refused(SmallGraph.Of(SmallGraph.Node("Range", "from", "x", "by"), SmallGraph.Integer("from", int.MinValue), SmallGraph.Integer("by", 1))), StringComparison.Ordinal);

    public static TheoryData<string, long[], long[]?> Giants => new()
    {
        // The operator, the sizes, and what stands before them as its input.
        { "Expand", [1 << 16, 1 << 16], [1] },
        { "Tile", [1L << 31], [1] },
        { "ConstantOfShape", [1L << 31, 2], null },
        { "Pad", [0, 1L << 40], [1] },
    };

    [Theory]
    [MemberData(nameof(Giants))]
    public void A_giant_tensor_of_constants_is_refused(string name, long[] sizes, long[]? before)
    {
        NodeProto node = before is null ? SmallGraph.Node(name, "sizes") : SmallGraph.Node(name, "before", "sizes");
        string message = Refused(SmallGraph.Of(node, SmallGraph.Integers("before", before ?? []), SmallGraph.Integers("sizes", sizes)));
        Assert.Contains($"B with the operator {name}", message, StringComparison.Ordinal);
        Assert.Contains(LimitVariable, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OneHot")]
    [InlineData("MatMul")]
    [InlineData("Add")]
    [InlineData("Tile")]
    [InlineData("Where")]
    [InlineData("Concat")]
    public void A_giant_that_is_derived_from_small_constants_is_refused(string name)
    {
        NodeProto[] nodes = name switch
        {
            "OneHot" => [SmallGraph.Node(name, "column", "length", "pair")],
            "Tile" => [SmallGraph.Node(name, "row", "factors")],
            "Where" => [Named("Cast", "cast", "column"), SmallGraph.Node(name, "cast", "row", "column")],
            "Concat" => [Named("Transpose", "d0", "row"), .. Enumerable.Range(0, 20).Select(static i => Axis(Named("Concat", $"d{i + 1}", $"d{i}", $"d{i}"))), SmallGraph.Node("Abs", "d20")],
            _ => [SmallGraph.Node(name, "column", "row")],
        };
        GraphProto graph = SmallGraph.Of(
            nodes[^1], Zeros("column", 40_000, 1), Zeros("row", 1, 40_000), SmallGraph.Integer("length", 40_000), SmallGraph.Integers("pair", 0, 1), SmallGraph.Integers("factors", 1, 40_000));
        for (int i = 0; i < nodes.Length - 1; i++)
            graph.Node.Insert(i, nodes[i]);
        Assert.Contains($"B with the operator {name};", Refused(graph), StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, NodeProto[]> s_giants = new(StringComparer.Ordinal)
    {
        ["Gather"] = [SmallGraph.Node("Gather", "row", "places")],
        ["Range"] = [Named("Mul", "much", "thousands", "thousands"), SmallGraph.Node("Range", "none", "much", "one")],
        ["Expand"] = [Named("Concat", "two", "thousands1", "thousands1"), Named("Mul", "sizes", "two", "two"), SmallGraph.Node("Expand", "x", "sizes")],
        ["ConstantOfShape"] = [Named("Sub", "less", "one1", "thousands1"), Named("Neg", "more", "less"), Named("Mul", "sizes", "more", "more"), SmallGraph.Node("ConstantOfShape", "sizes")],
        ["Tile"] = [Named("Shape", "shape", "column"), Named("Slice", "length", "shape", "none1", "one1"), Named("Mul", "factor", "length", "length"), SmallGraph.Node("Tile", "length", "factor")],
        ["Add"] = [Named("Sinh", "sinh", "row"), SmallGraph.Node("Add", "sinh", "column")],
        ["Resize"] = [Named("Cast", "factors", "thousands4", 1), SmallGraph.Node("Resize", "x", "", "factors")],
        ["TopK"] = [Named("TopK", "top", "row", "more1"), SmallGraph.Node("Identity", "top")],
        ["MatMul"] = [SmallGraph.Node("MatMul", "c", "r"), Named("Identity", "c", "column"), Named("Identity", "r", "row")],
    };

    public static TheoryData<string> DerivedGiants => [.. s_giants.Keys];

    [Theory]
    [MemberData(nameof(DerivedGiants))]
    public void A_giant_whose_size_is_computed_from_constants_is_refused_in_any_order(string name)
    {
        TensorProto[] constants =
        [
            Zeros("column", 40_000, 1), Zeros("row", 1, 40_000), SmallGraph.Integers("places", new long[40_000]), SmallGraph.Integer("none", 0), SmallGraph.Integer("one", 1),
            SmallGraph.Integer("thousands", 40_000), SmallGraph.Integers("thousands1", 40_000), SmallGraph.Integers("thousands4", 1, 1, 40_000, 40_000), SmallGraph.Integers("none1", 0),
            SmallGraph.Integers("one1", 1), SmallGraph.Integers("more1", 1_000_000_000),
        ];
        foreach (IEnumerable<NodeProto> nodes in (IEnumerable<NodeProto>[])[s_giants[name], s_giants[name].Reverse()])
        {
            GraphProto graph = SmallGraph.Of(Named("Identity", "same", "x"), constants);
            foreach (NodeProto node in nodes.Reverse())
                graph.Node.Insert(0, node);
            Assert.Contains($"B with the operator {name};", Refused(graph), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Einsum")]
    [InlineData("ConvTranspose")]
    [InlineData("AveragePool")]
    [InlineData("MaxPool")]
    [InlineData("SpaceToDepth")]
    [InlineData("If")]
    public void An_operator_on_constants_whose_size_is_not_known_is_refused(string name)
    {
        Assert.Contains($"from constants alone with the operator {name}", Refused(SmallGraph.Of(SmallGraph.Node(name, "k", "k"), SmallGraph.Float("k", 1))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_size_that_wraps_around_is_not_taken_for_a_small_one()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Expand", "x", "size"), SmallGraph.Integers("large", 1L << 40), SmallGraph.Integers("minus", -1L << 40));
        graph.Node.Insert(0, Named("Mul", "size", "large", "minus"));
        Assert.Contains("whose size cannot be told", Refused(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void Operators_that_wait_for_each_other_are_damage()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Add", "a", "b"));
        graph.Node.Insert(0, Named("Identity", "a", "b"));
        graph.Node.Insert(1, Named("Identity", "b", "a"));
        Assert.Contains("wait for each other", Refused(graph), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("current")]
    [InlineData("legacy")]
    public void Graphs_of_other_exporters_are_accepted(string export)
    {
        foreach (string graph in Directory.EnumerateFiles(Repository.Data("exports", export), "*.onnx", SearchOption.AllDirectories))
            GraphCheck.Check(graph);
    }

    /// <summary>What torch.onnx makes of the sizes of a padding: the pads of each axis, reversed.</summary>
    [Fact]
    public void The_usual_arithmetic_on_constants_is_followed()
    {
        GraphProto graph = SmallGraph.Of(
            SmallGraph.Node("Expand", "x", "sizes"), SmallGraph.Integers("pads", 0, 1, 2, 3), SmallGraph.Integers("pairs", -1, 2), SmallGraph.Integers("last", -1),
            SmallGraph.Integers("first", long.MinValue), SmallGraph.Integers("none", 0), SmallGraph.Integers("places", 3, 0));
        NodeProto[] nodes =
        [
            Named("Reshape", "a", "pads", "pairs"), Named("Slice", "b", "a", "last", "first", "none", "last"), Named("Transpose", "c", "b"), Named("Reshape", "d", "c", "last"),
            Axis(Named("Gather", "e", "d", "places")), Named("Squeeze", "f", "e"), Named("Max", "sizes", "f", "places"),
        ];
        for (int i = 0; i < nodes.Length; i++)
            graph.Node.Insert(i, nodes[i]);
        GraphCheck.Check(SmallGraph.Save(_folder["in", "model.onnx"], graph));

        // The pads become 2, 0, 3, 1, of which 1 and 2 are taken.
        graph.Node.Add(Named("ConstantOfShape", "giant", "size"));
        graph.Node.Add(Named("Mul", "size", "f", "many"));
        graph.Initializer.Add(SmallGraph.Integers("many", 30_000, 50_000));
        Assert.Contains("12.0 GB with the operator ConstantOfShape", Refused(graph), StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, (NodeProto[] Nodes, TensorProto[] Constants)> s_harmfulDivisions = new(StringComparer.Ordinal)
    {
        ["by -1"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Integer("d", -1)]),
        ["by one of several"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Integers("d", 2, 3, -1)]),
        ["by what is computed"] = ([Named("Neg", "d", "two"), SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Integer("two", 2)]),
        ["by what comes later"] = ([SmallGraph.Node("Div", "whole", "d"), Named("Neg", "d", "two")], [SmallGraph.Integer("two", 2)]),
        ["by a constant in another file"] = ([SmallGraph.Node("Div", "whole", "d")], [ExternalWhole("d", "weights.bin")]),
        ["by more than are known"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Integers("d", [.. Enumerable.Repeat(1L, 100), -1])]),
        ["by -1 in 32 bits"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", DataType.Int32, 1, Int32Data, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)]),
        ["by -1 with other upper bits"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", DataType.Int32, 1, Int32Data, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00)]),
        ["by -1 in two forms"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.With(SmallGraph.Packed("d", DataType.Int32, 2, Int32Data, 1), Int32Data, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F])]),
        ["by -1 in 8 bits"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", DataType.Int8, 1, Int32Data, 0xFF, 0x01)]),
        ["by -1 in 16 bits"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", (DataType)5, 1, Int32Data, 0xFF, 0xFF, 0x03)]),
        ["by -1 with more bits than 64"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", DataType.Int64, 1, Int64Data, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F)]),
        ["by values in the field of another type"] = ([SmallGraph.Node("Div", "whole", "d")], [SmallGraph.Packed("d", DataType.Int64, 1, Int32Data, 1)]),
        ["by a list in an operator"] = ([Setting(Named("Constant", "d"), new AttributeProto { Name = "value_ints", Ints = { 1, -1 } }), SmallGraph.Node("Div", "whole", "d")], []),
    };

    public static TheoryData<string> HarmfulDivisions => [.. s_harmfulDivisions.Keys];

    [Theory]
    [MemberData(nameof(HarmfulDivisions))]
    public void A_division_of_whole_numbers_that_can_end_the_process_is_refused(string name)
    {
        (NodeProto[] nodes, TensorProto[] constants) = s_harmfulDivisions[name];
        GraphProto graph = SmallGraph.Of(nodes[^1], constants);
        for (int i = 0; i < nodes.Length - 1; i++)
            graph.Node.Insert(i, nodes[i]);
        NodeProto cast = Named("Cast", "whole", "x");
        cast.Attribute.Add(new AttributeProto { Name = "to", I = (long)DataType.Int64, Type = AttributeProto.Types.AttributeType.Int });
        graph.Node.Insert(0, cast);
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in", "weights.bin"], new byte[16]);
        Assert.Contains("divides whole numbers", Refused(graph), StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, (NodeProto[] Nodes, TensorProto[] Constants)> s_usualDivisions = new(StringComparer.Ordinal)
    {
        ["a length by 2"] = ([Named("Shape", "length", "x"), Named("Div", "half", "length", "two"), SmallGraph.Node("Expand", "x", "half")], [SmallGraph.Integers("two", 1)]),
        ["a float by a weight"] = ([SmallGraph.Node("Div", "x", "w")], [SmallGraph.Float("w", -1)]),
        ["a float by what is computed"] = ([Named("Sqrt", "root", "x"), SmallGraph.Node("Div", "x", "root")], []),
        ["what is not known by a float"] = ([Named("Sqrt", "root", "x"), Named("PRelu", "p", "x", "x"), SmallGraph.Node("Div", "p", "root")], []),
    };

    public static TheoryData<string> UsualDivisions => [.. s_usualDivisions.Keys];

    [Theory]
    [MemberData(nameof(UsualDivisions))]
    public void Other_divisions_are_opened(string name)
    {
        (NodeProto[] nodes, TensorProto[] constants) = s_usualDivisions[name];
        GraphProto graph = SmallGraph.Of(nodes[^1], constants);
        for (int i = 0; i < nodes.Length - 1; i++)
            graph.Node.Insert(i, nodes[i]);
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));
    }

    [Theory]
    [InlineData(Int64Data)]
    [InlineData(Int32Data)]
    public void A_constant_with_two_values_is_damaged(int field)
    {
        TensorProto twice = SmallGraph.With(SmallGraph.Integer("d", 1), field, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        Assert.Contains("its values twice", Refused(SmallGraph.Of(SmallGraph.Node("Div", "x", "d"), twice)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_constant_with_its_bytes_twice_is_damaged()
    {
        byte[] weight = [.. SmallGraph.Integer("d", 1).ToByteArray(), (RawData << 3) | 2, sizeof(long), .. BitConverter.GetBytes(-1L)];
        byte[] graph = [(5 << 3) | 2, (byte)weight.Length, .. weight];
        string path = SmallGraph.Save(_folder["in", "model.onnx"], SmallGraph.Of(SmallGraph.Node("Div", "x", "d")));
        File.WriteAllBytes(path, [.. File.ReadAllBytes(path), (7 << 3) | 2, (byte)graph.Length, .. graph]);
        Assert.Contains("its values twice", Refused(path), StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, (AttributeProto[] Settings, string Message)> s_ambiguousConstants = new(StringComparer.Ordinal)
    {
        ["two settings"] = ([new AttributeProto { Name = "value_int", I = 1 }, new AttributeProto { Name = "value_ints", Ints = { -1 } }], "an operator Constant has several values"),
        ["a setting of two kinds"] = ([new AttributeProto { Name = "value_ints", I = 1, Ints = { -1 } }], "a setting of an operator has several values"),
        ["a number and a tensor"] = ([SmallGraph.With(new AttributeProto { Name = "value_int", I = -1 }, 5, SmallGraph.Integer("", 1))], "a setting of an operator has several values"),
        ["a kind of another name"] = ([new AttributeProto { Name = "value_float", I = -1 }], "than its name says"),
        ["another kind than it says"] = ([new AttributeProto { Name = "value_ints", Ints = { -1 }, Type = AttributeProto.Types.AttributeType.Int }], "than it says"),
    };

    public static TheoryData<string> AmbiguousConstants => [.. s_ambiguousConstants.Keys];

    [Theory]
    [MemberData(nameof(AmbiguousConstants))]
    public void A_constant_that_can_be_read_in_two_ways_is_damaged(string name)
    {
        (AttributeProto[] settings, string message) = s_ambiguousConstants[name];
        Assert.Contains(message, Refused(SmallGraph.Of(Setting(SmallGraph.Node("Constant"), settings))), StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, GraphProto> s_repeatedNames = new(StringComparer.Ordinal)
    {
        ["two weights"] = SmallGraph.Of(SmallGraph.Node("Add", "x", "d"), SmallGraph.Float("d", 2), SmallGraph.Float("d", -1)),
        ["a weight and an output"] = SmallGraph.Of(SmallGraph.Node("Abs", "x"), SmallGraph.Float("made", 2)),
        ["a weight and a constant"] = With(SmallGraph.Of(SmallGraph.Node("Abs", "x"), SmallGraph.Float("d", 2)), Setting(Named("Constant", "d"), new AttributeProto { Name = "value_int", I = -1 })),
        ["two outputs"] = With(SmallGraph.Of(SmallGraph.Node("Abs", "x")), Named("Neg", "made", "x")),
    };

    public static TheoryData<string> RepeatedNames => [.. s_repeatedNames.Keys];

    [Theory]
    [MemberData(nameof(RepeatedNames))]
    public void A_name_of_several_values_is_damaged(string name) =>
        Assert.Contains("stands for several values", Refused(s_repeatedNames[name]), StringComparison.Ordinal);

    [Fact]
    public void Branches_may_use_a_name_again()
    {
        GraphProto branch = new() { Name = "branch", Initializer = { SmallGraph.Float("k", 1) }, Node = { Named("Add", "sum", "x", "k") }, Output = { SmallGraph.Value("sum") } };
        GraphProto graph = SmallGraph.Of(If("c", branch, branch));
        graph.Input.Add(SmallGraph.Value("c", DataType.Bool));
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));
    }

    [Fact]
    public void A_weight_may_be_an_input_too()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Expand", "x", "half"), SmallGraph.Integers("two", 2));
        graph.Input.Add(SmallGraph.Value("two", DataType.Int64, 1));
        graph.Node.Insert(0, Named("Shape", "length", "x"));
        graph.Node.Insert(1, Named("Div", "half", "length", "two"));
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));
    }

    [Fact]
    public void A_division_by_an_input_is_refused_although_a_branch_has_a_constant_of_its_name()
    {
        GraphProto branch = new() { Name = "branch", Initializer = { SmallGraph.Integer("d", 2) }, Node = { Named("Cast", "cast", "d", 1) }, Output = { SmallGraph.Value("cast") } };
        GraphProto other = new() { Name = "other", Node = { Named("Abs", "abs", "x") }, Output = { SmallGraph.Value("abs") } };
        GraphProto graph = With(SmallGraph.Of(If("c", branch, other)), Named("Cast", "whole", "x", 7), Named("Div", "part", "whole", "d"));
        graph.Input.Add(SmallGraph.Value("c", DataType.Bool));
        graph.Input.Add(SmallGraph.Value("d", DataType.Int64, 1));
        Assert.Contains("divides whole numbers", Refused(graph), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sparse_weights_are_refused(bool isInBranch)
    {
        const int valuesField = 1, indicesField = 2, shapeField = 3, sparseField = 15;
        byte[] sparse = SmallGraph.With(SmallGraph.With(SmallGraph.With(new Empty(), valuesField, SmallGraph.Integers("d", -1)), indicesField, SmallGraph.Integers("", 0)), shapeField, [1]).ToByteArray();
        GraphProto branch = SmallGraph.With(new GraphProto { Name = "branch", Node = { Named("Div", "part", "whole", "d") }, Output = { SmallGraph.Value("part", DataType.Int64) } }, sparseField, sparse);
        GraphProto graph = isInBranch
            ? With(SmallGraph.Of(If("c", branch, branch), SmallGraph.Integer("d", 2)), Named("Cast", "whole", "x", 7))
            : SmallGraph.With(With(SmallGraph.Of(SmallGraph.Node("Div", "whole", "d"), SmallGraph.Integers("d", 2)), Named("Cast", "whole", "x", 7)), sparseField, sparse);
        Assert.Contains("has sparse weights", Refused(graph), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void A_split_into_more_parts_than_it_has_outputs_is_damaged(long parts)
    {
        NodeProto split = Setting(SmallGraph.Node("Split", "x"), new AttributeProto { Name = "num_outputs", I = parts, Type = AttributeProto.Types.AttributeType.Int });
        split.Output.Add("other");
        Assert.Contains($"an operator Split has 2 outputs and says that it has {parts}", Refused(SmallGraph.Of(split)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_operator_with_very_many_outputs_is_refused()
    {
        NodeProto split = SmallGraph.Node("Split", "x");
        split.Output.AddRange(Enumerable.Range(0, 1000).Select(static i => $"part{i}"));
        Assert.Contains("an operator Split with more than 1000 outputs", Refused(SmallGraph.Of(split)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L << 31)]
    [InlineData(1L << 62)]
    [InlineData(long.MinValue)]
    public void A_setting_of_more_than_32_bits_is_refused(long number)
    {
        NodeProto one = Setting(SmallGraph.Node("DepthToSpace", "x"), new AttributeProto { Name = "blocksize", I = number, Type = AttributeProto.Types.AttributeType.Int });
        Assert.Contains("the setting 'blocksize' of an operator with a number of more than 32 bits", Refused(SmallGraph.Of(one)), StringComparison.Ordinal);

        NodeProto several = Setting(SmallGraph.Node("MaxPool", "x"), new AttributeProto { Name = "strides", Ints = { 1, number }, Type = AttributeProto.Types.AttributeType.Ints });
        Assert.Contains("the setting 'strides' of an operator with a number of more than 32 bits", Refused(SmallGraph.Of(several)), StringComparison.Ordinal);
    }

    /// <summary>The ends of axes, as exporters write them.</summary>
    [Fact]
    public void The_ends_of_slices_may_have_64_bits()
    {
        NodeProto slice = Setting(
            SmallGraph.Node("Slice", "x"), new AttributeProto { Name = "starts", Ints = { 0 }, Type = AttributeProto.Types.AttributeType.Ints }, new AttributeProto { Name = "ends", Ints = { long.MaxValue }, Type = AttributeProto.Types.AttributeType.Ints });
        GraphCheck.Check(SmallGraph.Save(_folder["in", "model.onnx"], SmallGraph.Of(slice)));

        NodeProto end = Setting(Named("Constant", "end"), new AttributeProto { Name = "value_ints", Ints = { long.MaxValue }, Type = AttributeProto.Types.AttributeType.Ints });
        Open(SmallGraph.Save(_folder["in", "model.onnx"], With(SmallGraph.Of(SmallGraph.Node("Slice", "x", "zero", "end"), SmallGraph.Integers("zero", 0)), end)));
    }

    [Fact]
    public void A_setting_given_twice_is_damaged()
    {
        NodeProto cast = Setting(SmallGraph.Node("Cast", "x"), new AttributeProto { Name = "to", I = 1 }, new AttributeProto { Name = "to", I = 7 });
        Assert.Contains("the setting 'to' twice", Refused(SmallGraph.Of(cast)), StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_operators_or_weights_are_refused()
    {
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Identity", "x"));
        graph.Node.AddRange(Enumerable.Range(0, 100_000).Select(static i => Named("Identity", $"made{i}", "x")));
        Assert.Contains("more than 100000 operators", Refused(graph), StringComparison.Ordinal);

        graph = SmallGraph.Of(SmallGraph.Node("Identity", "x"), [.. Enumerable.Range(0, 20_001).Select(static i => SmallGraph.Float($"k{i}", 1))]);
        Assert.Contains("more than 20000 weights", Refused(graph), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(long.MaxValue)]
    public void A_weight_of_an_impossible_length_is_refused(long length)
    {
        TensorProto inside = SmallGraph.Float("k", 1);
        TensorProto outside = SmallGraph.External("k", "weights.bin");
        inside.Dims[0] = outside.Dims[0] = length;
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in", "weights.bin"], new byte[4]);
        Assert.Contains("weight 'k'", Refused(SmallGraph.Of(SmallGraph.Node("Identity", "k"), inside)), StringComparison.Ordinal);
        Assert.Contains("weight 'k'", Refused(SmallGraph.Of(SmallGraph.Node("Identity", "k"), outside)), StringComparison.Ordinal);
    }

    [Fact]
    public void Giants_of_a_range_and_of_attributes_are_refused()
    {
        GraphProto range = SmallGraph.Of(SmallGraph.Node("Range", "from", "to", "by"), SmallGraph.Integer("from", 0), SmallGraph.Integer("to", long.MaxValue), SmallGraph.Integer("by", 1));
        Assert.Contains("operator Range", Refused(range), StringComparison.Ordinal);

        NodeProto random = SmallGraph.Node("RandomNormal");
        random.Attribute.Add(new AttributeProto { Name = "shape", Ints = { 1 << 20, 1 << 20 }, Type = AttributeProto.Types.AttributeType.Ints });
        Assert.Contains("operator RandomNormal", Refused(SmallGraph.Of(random)), StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_of_a_constant_operator_count_and_the_variable_sets_the_limit()
    {
        NodeProto constant = new() { OpType = "Constant", Output = { "sizes" } };
        constant.Attribute.Add(SmallGraph.With(new AttributeProto { Name = "value" }, 5, SmallGraph.Integers(string.Empty, 1_000_000)));
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("ConstantOfShape", "sizes"));
        graph.Node.Insert(0, constant);
        string path = SmallGraph.Save(_folder["model.onnx"], graph);
        GraphCheck.Check(path);

        // Other tests that open graphs meanwhile need a few constants only.
        Environment.SetEnvironmentVariable(LimitVariable, "3");
        try
        {
            Assert.Contains("operator ConstantOfShape", Refused(path), StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(LimitVariable, null);
        }
    }

    [Theory]
    [InlineData("../outside.bin")]
    [InlineData("sub/../../outside.bin")]
    [InlineData("/etc/passwd")]
    [InlineData(@"\\server\share\outside.bin")]
    [InlineData(@"C:\outside.bin")]
    [InlineData("*/_ORT_MEM_ADDR_/*")]
    [InlineData("")]
    public void Weights_outside_the_folder_are_refused(string location)
    {
        File.WriteAllBytes(_folder["outside.bin"], new byte[4]);
        Assert.Contains("not a file in its own folder", Refused(WithWeight(location)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("link.bin")]
    [InlineData("folder/outside.bin")]
    [InlineData("indirect.bin")]
    public void Weights_behind_a_link_out_of_the_folder_are_refused(string location)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A user may not make links.");

        string inside = Directory.CreateDirectory(_folder["in"]).FullName;
        string outside = Directory.CreateDirectory(_folder["out"]).FullName;
        File.WriteAllBytes(Path.Combine(outside, "outside.bin"), new byte[4]);
        File.CreateSymbolicLink(Path.Combine(inside, "link.bin"), "../out/outside.bin");
        Directory.CreateSymbolicLink(Path.Combine(inside, "folder"), outside);

        // By its words, this leads into the folder.
        File.CreateSymbolicLink(Path.Combine(inside, "indirect.bin"), "folder/outside.bin");
        string path = SmallGraph.Save(Path.Combine(inside, "model.onnx"), WithWeight(location));
        Assert.Contains($"{location}' is a link that leads out of the folder", Assert.Throws<ModelInvalidException>(() => Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_behind_links_of_the_folder_or_of_a_cache_are_read()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A user may not make links.");

        string path = SmallGraph.Save(_folder["in", "model.onnx"], WithWeight("link.bin"));
        File.WriteAllBytes(_folder["in", "weights.bin"], new byte[4]);
        File.CreateSymbolicLink(_folder["in", "link.bin"], "weights.bin");
        OnnxSession.Open(path, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken).Dispose();

        // The cache of Hugging Face: the files of the model are links to files named by their hashes.
        Directory.Move(_folder["in"], Path.Combine(Directory.CreateDirectory(_folder["models--a--b"]).FullName, "blobs"));
        string unet = Directory.CreateDirectory(_folder["models--a--b", "snapshots", "c0ffee", "unet"]).FullName;
        File.CreateSymbolicLink(Path.Combine(unet, "model.onnx"), "../../../blobs/model.onnx");
        File.CreateSymbolicLink(Path.Combine(unet, "link.bin"), "../../../blobs/weights.bin");
        GraphCheck.Check(Path.Combine(unet, "model.onnx"));
    }

    [Theory]
    [InlineData("61", "4")]
    [InlineData("0", "65")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    public void Weights_behind_the_end_of_their_file_are_refused(string offset, string length)
    {
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in", "weights.bin"], new byte[64]);
        Assert.Contains("weights.bin' is too short", Refused(WithWeight("weights.bin", offset, length)), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_are_missing_or_no_file_are_typed_errors()
    {
        string path = SmallGraph.Save(_folder["in", "model.onnx"], WithWeight("weights.bin"));
        Assert.Contains("weights.bin", Assert.Throws<ModelNotFoundException>(() => Open(path)).Message, StringComparison.Ordinal);

        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no named pipes in folders.");
        Process.Start("mkfifo", [_folder["in", "weights.bin"]]).WaitForExit();
        Assert.Contains("a named pipe", Refused(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a graph")]
    [InlineData("\x3A\x7F")]
    [InlineData("\x08\x08")]
    [InlineData("\x3A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")]
    public void A_file_that_is_no_graph_is_damaged(string bytes)
    {
        File.WriteAllBytes(_folder["model.onnx"], [.. bytes.Select(static letter => (byte)letter)]);
        Assert.Contains("is damaged", Refused(_folder["model.onnx"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("3")]
    [InlineData("8")]
    [InlineData("900000")]
    public void A_length_in_another_file_that_is_not_that_of_the_weight_is_refused(string length)
    {
        SaveWeights(1_000_000);
        Assert.Contains($"'k' has {length} bytes in another file", Refused(WithWeight("weights.bin", length: length)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_weights_may_be_padded_but_not_hold_much_that_no_graph_needs()
    {
        GraphProto graph = WithWeight("weights.bin");
        SaveWeights(65536);
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));

        SaveWeights(3 << 20);
        Assert.Contains("needs 4 B of the file", Refused(graph), StringComparison.Ordinal);

        // Another graph that needs little of it does not help; one that needs it to its end does.
        SmallGraph.Save(_folder["in", "model_control.onnx"], graph);
        Assert.Contains("needs 4 B of the file", Refused(graph), StringComparison.Ordinal);
        SmallGraph.Save(_folder["in", "model_control.onnx"], WithWeight("weights.bin", "3000000"));
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));
    }

    [Fact]
    public void The_length_of_a_weight_in_another_file_may_be_absent()
    {
        SaveWeights(4);
        GraphProto graph = WithWeight("weights.bin");
        graph.Initializer[0].ExternalData.RemoveAt(2);
        Open(SmallGraph.Save(_folder["in", "model.onnx"], graph));
    }

    [Fact]
    public void A_folder_is_not_copied_where_it_has_no_room()
    {
        SmallGraph.Save(_folder["unet", "model.onnx"], SmallGraph.Of(SmallGraph.Node("Identity", "x")));
        using ModelContents contents = new([], [], []) { CopiedFrom = new OnnxFolder(_folder.Path, new ImportOptions()), FreeSpace = static _ => 10 };
        Assert.Contains("10 B are free", Assert.Throws<OutputWriteException>(() => contents.CopyTo(_folder["copy"], null, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["copy"]));
    }

    [Fact]
    public void A_long_equation_is_refused()
    {
        NodeProto node = SmallGraph.Node("Einsum", "x", "x");
        node.Attribute.Add(new AttributeProto { Name = "equation", S = ByteString.CopyFromUtf8($"i,{new string('i', 3000)}->i"), Type = AttributeProto.Types.AttributeType.String });
        GraphProto graph = SmallGraph.Of(node);
        Assert.Contains("equation of more than 200 letters", Refused(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void An_import_checks_every_graph_before_it_copies_anything()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A user may not make links.");

        SmallGraph.Save(_folder["unet", "model.onnx"], SmallGraph.Of(SmallGraph.Node("Identity", "x")));
        SmallGraph.Save(_folder["vae_decoder", "model.onnx"], WithWeight("link.bin"));
        File.CreateSymbolicLink(_folder["vae_decoder", "link.bin"], "/etc/passwd");
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => new OnnxFolder(_folder.Path, new ImportOptions()).Open());
        Assert.Contains(_folder["vae_decoder", "link.bin"], error.Message, StringComparison.Ordinal);
    }

    private static NodeProto Named(string name, string output, params string[] inputs) => new() { OpType = name, Input = { inputs }, Output = { output } };

    private static NodeProto Named(string name, string output, string input, long to)
    {
        NodeProto node = Named(name, output, input);
        node.Attribute.Add(new AttributeProto { Name = "to", I = to, Type = AttributeProto.Types.AttributeType.Int });
        return node;
    }

    private static NodeProto Setting(NodeProto node, params AttributeProto[] settings)
    {
        node.Attribute.Add(settings);
        return node;
    }

    private static TensorProto ExternalWhole(string name, string location)
    {
        TensorProto tensor = SmallGraph.External(name, location, length: "8");
        tensor.DataType = DataType.Int64;
        return tensor;
    }

    private void SaveWeights(int length)
    {
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in", "weights.bin"], new byte[length]);
    }

    private static NodeProto Axis(NodeProto node)
    {
        node.Attribute.Add(new AttributeProto { Name = "axis", I = 0, Type = AttributeProto.Types.AttributeType.Int });
        return node;
    }

    private static TensorProto Zeros(string name, params long[] shape) => new() { Name = name, DataType = DataType.Float, Dims = { shape }, RawData = ByteString.CopyFrom(new byte[shape.Aggregate(sizeof(float), static (length, size) => length * (int)size)]) };

    private static NodeProto If(string condition, GraphProto then, GraphProto otherwise)
    {
        const int graphField = 6;
        return Setting(
            SmallGraph.Node("If", condition),
            SmallGraph.With(new AttributeProto { Name = "then_branch", Type = (AttributeProto.Types.AttributeType)5 }, graphField, then),
            SmallGraph.With(new AttributeProto { Name = "else_branch", Type = (AttributeProto.Types.AttributeType)5 }, graphField, otherwise));
    }

    /// <summary>A graph with more operators before its own.</summary>
    private static GraphProto With(GraphProto graph, params NodeProto[] nodes)
    {
        for (int i = 0; i < nodes.Length; i++)
            graph.Node.Insert(i, nodes[i]);
        return graph;
    }

    private static GraphProto WithWeight(string location, string offset = "0", string length = "4") =>
        SmallGraph.Of(SmallGraph.Node("Identity", "k"), SmallGraph.External("k", location, offset, length));

    private static void Open(string path) => OnnxSession.Open(path, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken).Dispose();

    private static string Refused(string path)
    {
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Open(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error.Message;
    }

    private string Refused(GraphProto graph) => Refused(SmallGraph.Save(_folder["in", "model.onnx"], graph));
}
