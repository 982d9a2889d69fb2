using System.Security.Cryptography;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Running;

/// <summary>Graphs that are kept as ONNX Runtime optimizes them: the same results, and never a damaged one.</summary>
public sealed class PreparedGraphTests(SharedModels models) : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<ProgressReport> _reports = [];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("unet", "out_sample")]
    [InlineData("vae_decoder", "sample")]
    [InlineData("text_encoder", "last_hidden_state")]
    public void A_prepared_graph_gives_the_same_bytes(string part, string output)
    {
        foreach (string model in (string[])[models.Demo, models.HalfDemo])
        {
            string graph = Path.Combine(model, part, "model.onnx");
            using OnnxSession plain = OnnxSession.Open(graph, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken);
            using OnnxSession prepared = Open(graph)!;
            using OnnxSession again = Open(graph)!;
            float[] expected = Run(plain, output);
            Assert.Equal(expected, Run(prepared, output));
            Assert.Equal(expected, Run(again, output));
            Assert.Equal(graph, prepared.Path);
        }

        Assert.Equal([false, true, false, true], _reports.Select(static report => report.IsLast));
    }

    [Fact]
    public void A_damaged_or_incomplete_one_is_made_again()
    {
        string graph = Path.Combine(models.Demo, "vae_decoder", "model.onnx");
        Open(graph)!.Dispose();
        string data = Path.Combine(Assert.Single(Prepared()), "model.onnx_data");
        File.SetAttributes(data, FileAttributes.Normal);

        byte[] bytes = File.ReadAllBytes(data);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(data, bytes);
        AssertMadeAgain();

        File.SetAttributes(data, FileAttributes.Normal);
        File.WriteAllBytes(data, bytes[..^1]);
        AssertMadeAgain();

        File.WriteAllText(Path.Combine(Prepared().Single(), "model_manifest.json"), "{");
        AssertMadeAgain();

        // A new time alone says nothing.
        _reports.Clear();
        File.SetAttributes(data, FileAttributes.Normal);
        File.SetLastWriteTimeUtc(data, DateTime.UtcNow.AddDays(-3));
        Open(graph)!.Dispose();
        Assert.Empty(_reports);

        void AssertMadeAgain()
        {
            _reports.Clear();
            using OnnxSession plain = OnnxSession.Open(graph, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken);
            using OnnxSession prepared = Open(graph)!;
            Assert.Equal(Run(plain, "sample"), Run(prepared, "sample"));
            Assert.Equal(2, _reports.Count);
        }
    }

    /// <summary>Two processes that need the same graph do not both take the time, the memory and the disk for it.</summary>
    [Fact]
    public async Task The_second_that_needs_it_waits_for_the_first()
    {
        string graph = Path.Combine(models.Demo, "vae_decoder", "model.onnx");
        Task<OnnxSession>[] opening = [.. Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(() => Open(graph)!, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        foreach (OnnxSession session in await Task.WhenAll(opening))
            session.Dispose();
        Assert.Equal([false, true], _reports.Select(static report => report.IsLast));
        Assert.Single(Prepared());
    }

    [Fact]
    public void Waiting_for_another_process_can_be_cancelled()
    {
        string graph = Path.Combine(models.Demo, "vae_decoder", "model.onnx");
        Open(graph)!.Dispose();
        string folder = Assert.Single(Prepared());
        Assert.True(new BuildCache(_folder["cache"]).TryDelete(Path.GetFileName(folder)));
        using (FolderLock.TryOwn(folder + ".writing"))
        {
            using CancellationTokenSource soon = new(TimeSpan.FromMilliseconds(100));
            Assert.ThrowsAny<OperationCanceledException>(() => new PreparedGraphs(_folder["cache"], smallest: 0).Open(graph, reordersLayout: true, replaced: null, _reports.Add, soon.Token));
        }

        Open(graph)!.Dispose();
    }

    /// <summary>Models of one architecture have the same graph, and a copy may give their weights the same time.</summary>
    [Fact]
    public void Other_weights_of_the_same_length_and_time_are_another_graph()
    {
        float[][] results =
        [
            .. ((string[])["first", "second"]).Select((name, index) =>
            {
                string folder = Directory.CreateDirectory(_folder[name, "vae_decoder"]).FullName;
                foreach (string file in (string[])["model.onnx", "model.onnx_data"])
                {
                    byte[] bytes = File.ReadAllBytes(Path.Combine(models.Demo, "vae_decoder", file));
                    if (index > 0 && file == "model.onnx_data")
                        bytes.AsSpan(bytes.Length / 2, 1024).Clear();
                    File.WriteAllBytes(Path.Combine(folder, file), bytes);
                    File.SetLastWriteTimeUtc(Path.Combine(folder, file), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
                }

                using OnnxSession session = Open(Path.Combine(folder, "model.onnx"))!;
                return Run(session, "sample");
            }),
        ];

        Assert.NotEqual(results[0], results[1]);
        Assert.Equal(2, Prepared().Length);
    }

    [Fact]
    public void Something_else_in_its_place_is_left_alone_and_the_graph_opened_as_it_is()
    {
        string graph = Path.Combine(models.Demo, "vae_decoder", "model.onnx");
        Open(graph)!.Dispose();
        string folder = Assert.Single(Prepared());
        File.WriteAllText(Path.Combine(folder, "build.json"), "{\"a\\u0000b\":5}");
        Open(graph)!.Dispose();

        Directory.Delete(folder, recursive: true);
        File.WriteAllText(folder, "a file");
        Assert.Null(Open(graph));
        File.Delete(folder);
        if (OperatingSystem.IsWindows())
            return;

        File.Delete(folder + ".lock");
        System.Diagnostics.Process.Start("mkfifo", [folder + ".lock"]).WaitForExit();
        Open(graph)!.Dispose();
    }

    [Fact]
    public void Small_graphs_and_those_above_the_limit_are_not_prepared()
    {
        string graph = Path.Combine(models.Demo, "vae_decoder", "model.onnx");
        Assert.Null(new PreparedGraphs(_folder["cache"]).Open(graph, reordersLayout: true, replaced: null, _reports.Add, TestContext.Current.CancellationToken));
        Assert.Null(Open(_folder["none", "model.onnx"]));
        Assert.Empty(_reports);
        Assert.False(Directory.Exists(_folder["cache"]));
    }

    [Fact]
    public void One_that_was_not_used_for_months_gives_way_unless_it_is_open()
    {
        string first = Path.Combine(models.Demo, "vae_decoder", "model.onnx"), second = Path.Combine(models.Demo, "vae_encoder", "model.onnx"), third = Path.Combine(models.Demo, "text_encoder", "model.onnx");
        using (Open(first))
        {
            string old = Assert.Single(Prepared());
            Directory.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-100));
            Open(second)!.Dispose();
            Assert.Contains(old, Prepared());
        }

        Directory.SetLastWriteTimeUtc(Prepared()[0], DateTime.UtcNow.AddDays(-100));
        Directory.SetLastWriteTimeUtc(Prepared()[1], DateTime.UtcNow.AddDays(-100));
        Open(third)!.Dispose();
        Assert.Single(Prepared());
    }

    /// <summary>Weights that are not packed are kept once, and open at once; how a graph is opened does not change its results.</summary>
    [Fact]
    public void A_large_graph_of_floats_is_not_larger_than_its_weights()
    {
        const int Rows = 4096, Columns = (256 << 20) / sizeof(float) / Rows;
        GraphBuilder large = new("large");
        Value weights = large.Weight("weights", [Rows, Columns], static values =>
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = ((i * 2654435761u) >> 8) / (float)(1 << 24);
        });
        large.Output("y", large.Node("MatMul", [large.Input("sample", 1, Rows), weights]), 1, Columns);
        string graph = Path.Combine(Directory.CreateDirectory(_folder["large"]).FullName, "model.onnx");
        large.Save(graph, cancellationToken: TestContext.Current.CancellationToken);

        using OnnxSession plain = OnnxSession.Open(graph, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken);
        using OnnxSession prepared = Open(graph)!;
        Assert.InRange(Directory.EnumerateFiles(Assert.Single(Prepared())).Sum(static file => new FileInfo(file).Length), 256 << 20, 257 << 20);
        Assert.Equal(Run(plain, "y"), Run(prepared, "y"));
    }

    /// <summary>A LoRA changes weights. Those of convolutions lie in the prepared graph in another form.</summary>
    [Theory]
    [InlineData("unet", "out_sample")]
    [InlineData("text_encoder", "last_hidden_state")]
    public void Weights_are_replaced_where_the_prepared_graph_has_kept_them(string part, string output)
    {
        string graph = Path.Combine(models.Demo, part, "model.onnx");
        Dictionary<string, TensorProto> weights = GraphFile.Read(graph).Graph.Initializer.Where(static weight => weight.DataType == TensorProto.Types.DataType.Float).ToDictionary(static weight => weight.Name);
        string[] products = [.. ReadBy("MatMul")], convolutions = [.. ReadBy("Conv")];
        Assert.NotEmpty(products);
        using OnnxSession plain = Open(graph)!;
        using OnnxSession expected = OnnxSession.Open(graph, Device.Cpu, replaced: Halved(products), cancellationToken: TestContext.Current.CancellationToken);
        using OnnxSession prepared = Open(graph, Halved(products))!;
        Assert.Equal(Run(expected, output), Run(prepared, output));
        Assert.NotEqual(Run(plain, output), Run(prepared, output));
        Assert.Single(Prepared());

        foreach (string convolution in convolutions)
        {
            using ReplacedWeights replaced = Halved(products[0], convolution);
            Assert.Null(Open(graph, replaced));
            Assert.Equal(2, replaced.Names.Count);
        }

        IEnumerable<string> ReadBy(string operation) => GraphFile.Read(graph).Graph.Node.Where(node => node.OpType == operation && weights.ContainsKey(node.Input[1])).Select(static node => node.Input[1]).Take(20).Distinct();

        ReplacedWeights Halved(params string[] names)
        {
            using GraphInitializers initializers = GraphInitializers.Open(graph)!;
            ReplacedWeights replaced = new([]);
            foreach (string name in names)
                replaced.Add(name, StoredElementType.F32, initializers.ShapeOf(name), [.. initializers.Read(name).Select(static value => value / 2)]);
            return replaced;
        }
    }

    /// <summary>The caller computes the weights again and opens the graph as it is.</summary>
    [Fact]
    public void A_prepared_graph_that_cannot_take_weights_is_deleted_and_the_weights_are_released()
    {
        string graph = Path.Combine(models.Demo, "unet", "model.onnx");
        Open(graph)!.Dispose();
        string folder = Assert.Single(Prepared()), prepared = Path.Combine(folder, "model.onnx"), manifest = Path.Combine(folder, "model_manifest.json");
        byte[] bytes = [.. File.ReadAllBytes(prepared).Select(static value => (byte)~value)];
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace(Hash(prepared), Convert.ToHexStringLower(SHA256.HashData(bytes)), StringComparison.Ordinal));
        File.SetAttributes(prepared, FileAttributes.Normal);
        File.WriteAllBytes(prepared, bytes);

        ReplacedWeights replaced = new([]);
        replaced.Add("weight", StoredElementType.F32, [1], [1]);
        Assert.Throws<ModelInvalidException>(() => Open(graph, replaced));
        Assert.Empty(replaced.Names);
        Assert.Empty(Prepared());

        static string Hash(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
    }

    [Fact]
    public void Weights_are_packed_where_a_graph_runs_in_each_step_and_those_of_integers_and_small_ones()
    {
        Assert.Equal([(true, false), (true, true)], ((string[])[models.Demo, models.IntegerDemo]).Select(static model => GraphCheck.Check(Path.Combine(model, "unet", "model.onnx"))).Select(static graph => (graph.PacksWeights, graph.IsQuantized)));
        Assert.Equal([true, false, false], ((string[])["unet", "text_encoder", "vae_decoder"]).Select(part => GraphCheck.Check(Path.Combine(models.Demo, part, "model.onnx")).HasTimestep));
        CheckedGraph textEncoder = new([], 10L << 30, IsQuantized: false, HasTimestep: false);
        Assert.Equal((false, true, true), (textEncoder.PacksWeights, (textEncoder with { IsQuantized = true }).PacksWeights, (textEncoder with { HasTimestep = true }).PacksWeights));
    }

    [Fact]
    public void In_a_folder_that_cannot_be_written_to_the_graph_is_opened_as_it_is()
    {
        File.WriteAllText(_folder["cache"], "no folder");
        Assert.Null(Open(Path.Combine(models.Demo, "vae_decoder", "model.onnx")));
    }

    private OnnxSession? Open(string graph, ReplacedWeights? replaced = null) => new PreparedGraphs(_folder["cache"], smallest: 0).Open(graph, reordersLayout: true, replaced, _reports.Add, TestContext.Current.CancellationToken);

    private string[] Prepared() => Directory.GetDirectories(_folder["cache"], "prepared-*");

    private static float[] Run(OnnxSession session, string output)
    {
        List<(OnnxValueInfo, OnnxBuffer)> inputs = [];
        foreach (OnnxValueInfo input in session.Inputs.Values)
        {
            int[] shape = input.Name switch { "sample" or "latent_sample" when input.Dimensions.Count == 4 => [1, 4, 8, 8], "timestep" => [1], "input_ids" => [1, 77], _ when input.Dimensions.Count == 2 => [1, input.Dimensions[1]], _ => [1, 77, input.Dimensions[2]] };
            Tensor values = new(shape);
            new PhiloxRandom(3).Normal(values.Span);
            if (input.Name == "input_ids")
                values.Span.Fill(5);
            inputs.Add((input, new OnnxBuffer(values, input.ElementType)));
        }

        try
        {
            return session.Run(session.Output(output), TestContext.Current.CancellationToken, [.. inputs]).Values;
        }
        finally
        {
            inputs.ForEach(static input => input.Item2.Dispose());
        }
    }
}
