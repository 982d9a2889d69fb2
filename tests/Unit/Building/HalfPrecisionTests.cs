using StableDiffusion.Building;
using StableDiffusion.Networks;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Networks;

namespace StableDiffusion.Tests.Building;

/// <summary>The demo model in half precision. Its weights are 16-bit floats already, so rounding them changes nothing.</summary>
public sealed class HalfPrecisionTests(SharedModels models)
{
    private const string Graph = "model.onnx";
    private static readonly string FullGraph = ModelParts.FullOf(ModelParts.Graph);

    /// <summary>The relative error of rounding to a 16-bit float with its 11 significant bits.</summary>
    private const double UnitRoundoff = 1.0 / (1 << 11);

    public static TheoryData<string> Parts => ["text_encoder", "unet", "vae_encoder", "vae_decoder"];

    [Theory]
    [MemberData(nameof(Parts))]
    public void The_full_graph_over_16_bit_weights_gives_the_same_bits(string part)
    {
        using GraphSession full = new(Path.Combine(models.Demo, part, Graph));
        using GraphSession overHalf = new(Path.Combine(models.HalfDemo, part, FullGraph));

        Assert.Equal(Run(full, part).Values, Run(overHalf, part).Values);
    }

    /// <summary>
    /// Every node of the graph rounds its result once. Roundings that know nothing of each other add up by the root of
    /// their number, so the deviation's norm stays within √nodes · 2^-11 of the result's.
    /// </summary>
    [Theory]
    [MemberData(nameof(Parts))]
    public void The_half_graph_stays_within_the_rounding_of_its_nodes(string part)
    {
        string path = Path.Combine(models.HalfDemo, part, Graph);
        int nodes = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Node.Count;
        using GraphSession full = new(Path.Combine(models.Demo, part, Graph));
        using GraphSession halfGraph = new(path);

        double deviation = RelativeDeviation(Run(full, part), Run(halfGraph, part));

        double bound = Math.Sqrt(nodes) * UnitRoundoff;
        TestContext.Current.SendDiagnosticMessage("{0}: {1:e2} of {2:e2} ({3} nodes)", part, deviation, bound, nodes);
        Assert.InRange(deviation, double.Epsilon, bound);
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Both_graphs_share_one_file_of_half_the_size(string part)
    {
        long single = new FileInfo(Path.Combine(models.Demo, part, "model.onnx_data")).Length;
        long weights = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(models.HalfDemo, part, FullGraph))).Graph.Initializer
            .Where(initializer => initializer.DataLocation == TensorProto.Types.DataLocation.External)
            .Sum(initializer => initializer.Dims.Aggregate(2L, static (bytes, length) => bytes * length));

        Assert.Equal(
            ["config.json", Graph, "model.onnx_data", FullGraph],
            Directory.GetFiles(Path.Combine(models.HalfDemo, part)).Select(Path.GetFileName).Where(name => name != ModelParts.ControlGraph && !name!.Contains("outer", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.InRange(new FileInfo(Path.Combine(models.HalfDemo, part, "model.onnx_data")).Length, weights, single * 0.55);
        Assert.Equal(
            Initializers(Path.Combine(models.HalfDemo, part, Graph)).Where(name => !name.StartsWith("constant", StringComparison.Ordinal)),
            Initializers(Path.Combine(models.HalfDemo, part, FullGraph)).Where(name => !name.StartsWith("constant", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_model_in_half_precision_takes_up_half_the_disk()
    {
        Assert.InRange(Length(models.HalfDemo) / (double)Length(models.Demo), 0.5, 0.56);

        static long Length(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
    }

    [Fact]
    public void Each_precision_is_a_build_of_its_own()
    {
        using TemporaryFolder cache = new();
        string full = Build(ModelPrecision.Full);
        string other = Build(ModelPrecision.Half);

        Assert.NotEqual(full, other);
        Assert.Equal(other, Build(ModelPrecision.Half));

        string Build(ModelPrecision precision) =>
            ModelBuilder.Build(DiffusersFolder.Find(Repository.DemoModel, new ImportOptions { Precision = precision }), cache.Path, null, TestContext.Current.CancellationToken);
    }

    private static string[] Initializers(string path) =>
        [.. ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Initializer.Select(initializer => initializer.Name)];

    private static double RelativeDeviation(Tensor expected, Tensor actual)
    {
        double deviation = 0;
        double norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            deviation += Math.Pow(actual.Values[i] - expected.Values[i], 2);
            norm += Math.Pow(expected.Values[i], 2);
        }

        return Math.Sqrt(deviation / norm);
    }

    private static Tensor Run(GraphSession session, string part)
    {
        switch (part)
        {
            case "text_encoder":
                long[] ids = [.. DemoReference.Cases("text")[0].GetProperty("ids").EnumerateArray().Select(id => id.GetInt64())];
                return session.Run(("input_ids", ids))["last_hidden_state"];
            case "unet":
                System.Text.Json.JsonElement item = DemoReference.Cases("unet")[0];
                return session.Run(
                    ("sample", DemoReference.Read(item, "sample")),
                    ("timestep", new Tensor([item.GetProperty("timestep").GetSingle()], 1)),
                    ("encoder_hidden_states", DemoReference.Embedding(item.GetProperty("prompt").GetString()!)))["out_sample"];
            case "vae_encoder":
                Tensor picture = new(1, 3, 64, 64);
                for (int i = 0; i < picture.Length; i++)
                    picture.Values[i] = MathF.Sin(i / 50f);
                return session.Run(("sample", picture))["latent_parameters"];
            default:
                return session.Run(("latent_sample", DemoReference.Read(DemoReference.Cases("vae")[0], "mean")))["sample"];
        }
    }
}
