using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Networks;

namespace StableDiffusion.Tests.Onnx.Graphs;

public sealed class GraphBuilderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_graph_runs_and_takes_weights_from_one_file_beside_it()
    {
        const int Width = 5000;
        GraphBuilder graph = new("test");
        Value x = graph.Input("x", "batch", Width);
        Value large = graph.Weight("large", [Width], values => values.Fill(2));
        Value larger = graph.Weight("larger", [2, Width], values => values.Fill(3));
        Value small = graph.Weight("small", [1], values => values[0] = 7);
        Value y = graph.Add(graph.Mul(x, large), graph.Add(graph.Slice(larger, graph.Integers(1), graph.Integers(2), axis: 0), small));
        graph.Output("y", y, "batch", Width);
        List<long> written = [];

        graph.Save(_folder["model.onnx"], written.Add, TestContext.Current.CancellationToken);

        Assert.Equal(["model.onnx", "model.onnx_data"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(graph.InitializerBytes, written.Sum());
        using GraphSession session = new(_folder["model.onnx"]);
        Tensor result = session.Run(("x", new Tensor([.. Enumerable.Repeat(1f, 2 * Width)], 2, Width)))["y"];
        Assert.Equal([2, Width], result.Shape);
        Assert.All(result.Values, value => Assert.Equal(12, value));
    }

    [Fact]
    public void Large_weights_start_at_pages_and_follow_each_other()
    {
        GraphBuilder graph = new("test");
        foreach (string name in (string[])["a", "b"])
            graph.Output($"out.{name}", graph.Weight(name, [5000], static values => values.Clear()), 5000);
        graph.Save(_folder["model.onnx"], null, TestContext.Current.CancellationToken);

        GraphProto proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_folder["model.onnx"])).Graph;

        Assert.Equal(["model.onnx_data", "0", "20000"], proto.Initializer[0].ExternalData.Select(entry => entry.Value));
        Assert.Equal(["model.onnx_data", "20480", "20000"], proto.Initializer[1].ExternalData.Select(entry => entry.Value));
        Assert.Equal(40480, new FileInfo(_folder["model.onnx_data"]).Length);
    }

    [Fact]
    public void A_graph_of_small_weights_is_one_file()
    {
        GraphBuilder graph = new("test");
        graph.Output("y", graph.Add(graph.Input("x", 2), graph.Floats(1, 2)), 2);
        graph.Save(_folder["model.onnx"], null, TestContext.Current.CancellationToken);

        Assert.Single(Directory.GetFiles(_folder.Path));
        using GraphSession session = new(_folder["model.onnx"]);
        Assert.Equal([11, 22], session.Run(("x", new Tensor([10, 20], 2)))["y"].Values);
    }

    [Fact]
    public void Equal_constants_and_weights_of_one_name_are_one()
    {
        GraphBuilder graph = new("test");

        Assert.Equal(graph.Integers(0, 2), graph.Integers(0, 2));
        Assert.NotEqual(graph.Integers(0, 2), graph.Integers(0, 3));
        Assert.NotEqual(graph.Integers(1), graph.Floats(float.Epsilon, 0));
        Assert.Equal(
            graph.Weight("w", [1], static values => values[0] = 1),
            graph.Weight("w", [1], static values => values[0] = 1));
    }

    [Fact]
    public void A_name_is_given_once()
    {
        GraphBuilder graph = new("test");
        Value x = graph.Input("x", 1);

        Assert.Throws<ArgumentException>(() => graph.Output("x", x, 1));
        Assert.Throws<ArgumentException>(() => graph.Weight("x", [1], static values => values.Clear()));
    }

    [Fact]
    public void Saving_stops_when_it_is_cancelled()
    {
        using CancellationTokenSource cancellation = new();
        GraphBuilder graph = new("test");
        graph.Weight("first", [1], _ => cancellation.Cancel());
        graph.Weight("second", [1], static _ => Assert.Fail("read after it was cancelled"));

        Assert.Throws<OperationCanceledException>(() => graph.Save(_folder["model.onnx"], null, cancellation.Token));
    }
}
