using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Onnx;

namespace StableDiffusion.Tests.Running;

/// <summary>
/// The folders that TensorRT keeps engines in. It needs a card, so here the processor opens the graphs, and the tests write what
/// TensorRT would write.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class KeptEngineTests : LimitedCacheTests
{
    private const string Engine = "TensorrtExecutionProvider_TRTKernel_graph_small_1_0_0_sm89.engine";

    // What each opening was given.
    private readonly List<(string Path, bool HasEngines)?> _given = [];

    [Fact]
    public void Each_graph_with_its_weights_has_a_folder_on_each_device_and_for_each_change()
    {
        string first = Graph("first", 1), second = Graph("second", 2);
        Open(first).Dispose();
        Open(first).Dispose();
        Open(second).Dispose();
        Open(first, "TensorRt:1").Dispose();
        Open(first, changes: "Tiling X").Dispose();

        string[] folders = [.. _given.Select(static given => given!.Value.Path)];
        Assert.Equal(folders[0], folders[1]);
        Assert.Equal(4, folders.Distinct().Count());
        Assert.Equal(folders.Distinct().Order(), Directory.GetDirectories(Folder["cache"], "prepared-*").Order());
        Assert.Empty(Reports);
    }

    /// <summary>A graph holds the names of its weights; TensorRT's names of engines are made of these.</summary>
    [Fact]
    public void Other_weights_in_a_file_of_the_same_length_and_time_have_another_folder()
    {
        string graph = Graph("external", weights: [0, 0, 128, 63]);
        Open(graph).Dispose();
        DateTime time = File.GetLastWriteTimeUtc(graph + "_data");
        string other = Graph("other", weights: [0, 0, 0, 64]);
        File.SetLastWriteTimeUtc(other + "_data", time);
        Open(other).Dispose();
        Assert.NotEqual(_given[0]!.Value.Path, _given[1]!.Value.Path);
    }

    [Fact]
    public void Engines_are_there_when_the_graph_is_opened_again()
    {
        string graph = Graph("small", 1);
        Fill(graph);
        Open(graph).Dispose();
        Assert.True(_given[^1]!.Value.HasEngines);
        Assert.True(File.Exists(Path.Combine(_given[^1]!.Value.Path, Engine)));
    }

    [Fact]
    public void A_graph_that_cannot_be_opened_with_its_engines_is_opened_once_more_without_them()
    {
        string graph = Graph("small", 1);
        Fill(graph);
        Open(graph, open: Refuse).Dispose();
        Assert.Equal([true, false], _given.TakeLast(2).Select(static given => given!.Value.HasEngines));
        Assert.False(File.Exists(Path.Combine(_given[^1]!.Value.Path, Engine)));
        Assert.Empty(Reports);

        // That one is whole.
        Assert.False(new EngineFolder(_given[^1]!.Value.Path, new MemoryStream()).IsFaulty);
    }

    [Fact]
    public void A_graph_that_cannot_be_opened_with_an_empty_folder_is_at_fault_itself()
    {
        string graph = Graph("small", 1);
        Assert.Throws<ModelInvalidException>(() => Open(graph, open: static _ => throw new ModelInvalidException("damaged")));
        Assert.Single(_given);
    }

    [Fact]
    public void Engines_that_do_not_fit_into_memory_are_kept()
    {
        string graph = Graph("small", 1);
        string folder = Fill(graph);
        Assert.Throws<ModelInvalidException>(() => Open(graph, open: static _ => throw new ModelInvalidException("much", new InsufficientMemoryException())));
        Open(graph).Dispose();
        Assert.True(File.Exists(Path.Combine(folder, Engine)));
    }

    [Fact]
    public void Engines_that_failed_and_are_in_use_elsewhere_are_not_used_and_deleted_later()
    {
        string graph = Graph("small", 1);
        string folder = Fill(graph);
        using (Open(graph))
        {
            Open(graph, open: Refuse).Dispose();
            Assert.Null(_given[^1]);
            Assert.Contains($"'{graph}'", Assert.Single(Reports).Note, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(folder, Engine)));
        }

        Open(graph).Dispose();
        Assert.Equal((folder, false), _given[^1]);
        Assert.Single(Reports);
    }

    /// <summary>TensorRT reads engines of graphs for any size when these run first.</summary>
    [Fact]
    public void After_a_run_that_fails_with_kept_engines_they_are_deleted_before_the_next_opening()
    {
        string graph = SmallGraph.Save(Folder["failing", "model.onnx"], new GraphProto
        {
            Name = "failing",
            Input = { SmallGraph.Value("x", [0]) },
            Output = { SmallGraph.Value("y", 3) },
            Initializer = { SmallGraph.Integers("shape", 3) },
            Node = { new NodeProto { OpType = "Reshape", Input = { "x", "shape" }, Output = { "y" } } },
        });
        using (OnnxSession session = Open(graph))
        {
            Assert.DoesNotContain("engines", Fail(session), StringComparison.Ordinal);
            Assert.False(session.HasFailedEngines);
        }

        string folder = Fill(graph);
        using (OnnxSession session = Open(graph))
        {
            Assert.Contains("Try again.", Fail(session), StringComparison.Ordinal);
            Assert.True(session.HasFailedEngines);
        }

        Open(graph).Dispose();
        Assert.Equal((folder, false), _given[^1]);

        static string Fail(OnnxSession session)
        {
            using OnnxBuffer two = new(TensorElementType.Float, 2);
            return Assert.Throws<InferenceException>(() => session.Run(session.Output("y"), TestContext.Current.CancellationToken, (session.Inputs["x"], two))).Message;
        }
    }

    [Fact]
    public void Weights_that_are_replaced_while_the_graph_is_opened_do_not_leave_their_engines_to_others()
    {
        string graph = Graph("small", 1);
        using (Open(graph, open: engines =>
        {
            Graph("small", 2);
            return OnProcessor(graph, engines);
        }))
            Assert.True(new EngineFolder(_given[^1]!.Value.Path, new MemoryStream()).IsFaulty);
    }

    [Fact]
    public void A_graph_that_is_lost_while_it_is_opened_is_closed_again()
    {
        string graph = Graph("small", 1);
        OnnxSession? opened = null;
        Assert.Throws<ModelNotFoundException>(() => Open(graph, open: engines =>
        {
            opened = OnProcessor(graph, engines);
            File.Delete(graph);
            return opened;
        }));
        Assert.True(opened!.IsClosed);
        Assert.True(new BuildCache(Folder["cache"]).TryDelete(Path.GetFileName(_given[^1]!.Value.Path)));
    }

    [Fact]
    public void Folders_count_with_what_TensorRT_has_written_and_give_way()
    {
        Environment.SetEnvironmentVariable(LimitVariable, "2");
        string first = Fill(Graph("first", 1), length: 1_500_000);
        string second = Fill(Graph("second", 2), length: 1_500_000);
        Assert.True(Directory.Exists(first));
        Directory.SetLastWriteTimeUtc(first, DateTime.UtcNow.AddMinutes(-1));
        Open(Graph("third", 3)).Dispose();
        Assert.False(Directory.Exists(first));
        Assert.True(Directory.Exists(second));
    }

    [Fact]
    public void Below_the_limit_that_the_weights_need_no_engines_are_used()
    {
        string graph = Graph("large", new byte[1_040_000]);
        Open(graph).Dispose();
        Environment.SetEnvironmentVariable(LimitVariable, "1");
        Open(graph).Dispose();
        Assert.NotNull(_given[0]);
        Assert.Null(_given[1]);
        Assert.Contains($"{LimitVariable} allows 1.00 MB", Assert.Single(Reports).Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_cache_that_can_be_written_to_no_engines_are_kept_and_the_note_says_why()
    {
        File.WriteAllText(Folder["cache"], "no folder");
        Open(Graph("small", 1)).Dispose();
        Assert.Null(Assert.Single(_given));
        Assert.Contains("Make ", Assert.Single(Reports).Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Cpu")]
    [InlineData("Cuda")]
    [InlineData("DirectML")]
    public void Other_devices_have_no_folder(string device)
    {
        Open(Graph("small", 1), device).Dispose();
        Assert.Null(Assert.Single(_given));
        Assert.False(Directory.Exists(Folder["cache"]));
    }

    [Fact]
    public void They_are_deleted_with_the_built_graphs_unless_they_are_in_use()
    {
        string used = Graph("used", 1);
        Fill(used);
        string unused = Fill(Graph("unused", 2));
        ModelLibrary library = new(StorageFolders.FromEnvironment() with { Cache = Folder["cache"] });
        long length = library.MeasureGraphs(TestContext.Current.CancellationToken);
        using (Open(used))
        {
            Assert.InRange(library.MeasureGraphs(TestContext.Current.CancellationToken), 1000, length - 1000);
            Assert.Equal(1, library.DeleteGraphs());
            Assert.False(Directory.Exists(unused));
            Assert.True(Directory.Exists(_given[^1]!.Value.Path));
        }

        Assert.Equal(0, library.DeleteGraphs());
        Assert.Empty(Directory.GetDirectories(Folder["cache"], "prepared-*"));
    }

    private OnnxSession Open(string graph, string device = "TensorRt", string changes = "", Func<EngineFolder?, OnnxSession>? open = null) => new KeptEngines(Folder["cache"]).Open(
        graph,
        Device.Parse(device),
        changes,
        engines =>
        {
            _given.Add(engines is null ? null : (engines.Path, engines.HasEngines));
            return open is null ? OnProcessor(graph, engines) : open(engines);
        },
        Reports.Add,
        TestContext.Current.CancellationToken);

    private static OnnxSession OnProcessor(string graph, EngineFolder? engines) => OnnxSession.Open(graph, Device.Cpu, engines: engines, cancellationToken: TestContext.Current.CancellationToken);

    private OnnxSession Refuse(EngineFolder? engines) => engines is { HasEngines: true } ? throw new ModelInvalidException("damaged") : OnProcessor(Graph("small", 1), engines);

    /// <summary>Opens a graph, and writes an engine as TensorRT would while it runs.</summary>
    /// <returns>The folder.</returns>
    private string Fill(string graph, int length = 1000)
    {
        using OnnxSession session = Open(graph);
        string folder = _given[^1]!.Value.Path;
        File.WriteAllBytes(Path.Combine(folder, Engine), new byte[length]);
        return folder;
    }

    private string Graph(string name, float weight) => SmallGraph.Save(Folder[name, "model.onnx"], SmallGraph.Of(SmallGraph.Node("Identity", "weight"), SmallGraph.Float("weight", weight)));

    private string Graph(string name, byte[] weights)
    {
        string graph = SmallGraph.Save(Folder[name, "model.onnx"], SmallGraph.Of(SmallGraph.Node("Identity", "weight"), SmallGraph.External("weight", "model.onnx_data")));
        File.WriteAllBytes(graph + "_data", weights);
        return graph;
    }
}
