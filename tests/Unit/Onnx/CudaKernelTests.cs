using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Building;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tests.Pipelines;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx;

/// <summary>Every node of the graphs in floats runs on an NVIDIA card: ONNX Runtime's CUDA provider has its operator in that version, for those types.</summary>
public sealed class CudaKernelTests(SharedModels models)
{
    private static readonly string[] s_floats = [nameof(SharedModels.Demo), nameof(SharedModels.HalfDemo), nameof(SharedModels.Sd1), nameof(SharedModels.Sd2), nameof(SharedModels.Inpainting), nameof(SharedModels.Edit), nameof(SharedModels.Large), nameof(SharedModels.Refiner)];

    public static TheoryData<string> Floats => [.. s_floats];

    [Theory]
    [MemberData(nameof(Floats))]
    public void No_node_of_a_model_falls_back_to_the_processor(string model) => CheckAll(models.Find(model));

    /// <summary>Other sets of types are computed in, so that each graph has two forms.</summary>
    [Theory]
    [InlineData("sd1", "sd1-tiny.safetensors")]
    [InlineData("sd2", "sd2-v-tiny.safetensors")]
    [InlineData("sd1-inpaint", "sd1-inpaint-tiny.safetensors")]
    [InlineData("sdxl", "sdxl-tiny.safetensors")]
    public void No_node_of_a_model_in_half_precision_falls_back_to_the_processor(string family, string file)
    {
        using TemporaryFolder folder = new();
        ModelBuilder.Write(new CheckpointSource(FamilyReference.Find(family, file), new ImportOptions { Precision = ModelPrecision.Half }), folder.Path, null, TestContext.Current.CancellationToken);

        CheckAll(folder.Path);
    }

    [Fact]
    public void No_node_of_a_ControlNet_falls_back_to_the_processor()
    {
        using TemporaryFolder folder = new();
        ModelBuilder.Write(new ControlNetSource(Repository.Data("adapters", "sd1-controlnet")), folder.Path, null, TestContext.Current.CancellationToken);

        CheckAll(folder.Path);
    }

    [Theory]
    [InlineData("realesrgan-2x.safetensors")]
    [InlineData("compact-4x.safetensors")]
    public void No_node_of_an_upscaler_falls_back_to_the_processor(string file)
    {
        using TemporaryFolder folder = new();
        ModelBuilder.Write(new UpscalerSource(Repository.Data("upscalers", file)), folder.Path, null, TestContext.Current.CancellationToken);

        CheckAll(folder.Path);
    }

    /// <summary>They are made for processors: DynamicQuantizeMatMul has no kernel for cards, nor has DequantizeLinear one for 32-bit integers.</summary>
    [Fact]
    public void In_8_bit_integers_the_linear_layers_and_biases_fall_back_and_nothing_else()
    {
        string[] others = [.. Graphs(models.IntegerDemo).SelectMany(static graph => CudaKernels.Table.FindOthers(Parse(graph)))];

        Assert.Equal(
            ["DequantizeLinear(int32, float, int32) has no kernel", "com.microsoft.DynamicQuantizeMatMul(float, int8, float, int8) has no kernel", "com.microsoft.DynamicQuantizeMatMul(float, int8, float, int8, float) has no kernel"],
            others.Select(static line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..].Replace(", )", ")", StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal));
    }

    /// <summary>An operator that the provider lacks, one that it lacks for integers, one that it has in an older version only, and a computation with a shape.</summary>
    [Theory]
    [InlineData(17, "Acos", "x", "made: Acos(float) has no kernel")]
    [InlineData(17, "ArgMax", "tokens", "made: ArgMax(int64) has no kernel")]
    [InlineData(22, "InstanceNormalization", "x ones ones", "made: InstanceNormalization(float, float, float) has no kernel")]
    [InlineData(17, "Concat", "shape tokens", "made: Concat(int64, int64) is left to the processor, as a computation of shapes")]
    [InlineData(17, "InstanceNormalization", "x ones ones", null)]
    [InlineData(17, "ArgMax", "x", null)]
    [InlineData(17, "Reshape", "x shape", null)]
    public void A_node_that_a_card_lacks_is_found_and_no_other(int version, string operation, string inputs, string? expected)
    {
        ModelProto model = SmallGraph.Model(new GraphProto
        {
            Name = "lacking",
            Input = { SmallGraph.Value("x", 1, 2, 4) },
            Initializer = { new TensorProto { Name = "ones", DataType = DataType.Float, Dims = { 2 } }, new TensorProto { Name = "tokens", DataType = DataType.Int64, Dims = { 1 } } },
            Node =
            {
                new NodeProto { Name = "shape", OpType = "Shape", Input = { "x" }, Output = { "shape" } },
                new NodeProto { Name = "made", OpType = operation, Input = { inputs.Split(' ') }, Output = { "made" } },
            },
        });
        model.OpsetImport[0].Version = version;

        Assert.Equal(expected is null ? [] : [expected], CudaKernels.Table.FindOthers(model));
    }

    [Fact]
    public void The_table_was_compared_with_the_version_in_use() =>
        Assert.Equal(OrtEnv.Instance().GetVersionString(), CudaKernels.Table.CheckedWith);

    private static void CheckAll(string folder)
    {
        string[] graphs = [.. Graphs(folder)];
        Assert.NotEmpty(graphs);
        Assert.All(graphs, static graph => Assert.Empty(CudaKernels.Table.FindOthers(Parse(graph))));
    }

    private static IEnumerable<string> Graphs(string folder) => Directory.EnumerateFiles(folder, "*.onnx", SearchOption.AllDirectories);

    private static ModelProto Parse(string graph) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(graph));
}
