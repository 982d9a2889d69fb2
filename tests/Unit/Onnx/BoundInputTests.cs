using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Tests.Onnx;

/// <summary>ONNX Runtime copies an input to a card once, when it is bound.</summary>
public sealed class BoundInputTests
{
    [Fact]
    public void An_input_is_bound_again_once_after_each_writing_and_one_that_stays_never()
    {
        using OnnxBuffer sample = new(TensorElementType.Float, 1, 4);
        using OnnxBuffer half = new(TensorElementType.Float16, 1, 4);
        using OnnxBuffer embedding = new(TensorElementType.Float16, 1, 8);
        BoundInputs inputs = new([(Info("sample"), sample), (Info("half"), half), (Info("embedding"), embedding)]);

        Assert.Empty(Bound());

        sample.Upload();
        Assert.Equal(["sample"], Bound());
        Assert.Empty(Bound());

        half.Upload();
        half.Upload();
        sample.Upload();
        Assert.Equal(["sample", "half"], Bound());
        Assert.Empty(Bound());

        List<string> Bound()
        {
            List<string> bound = [];
            inputs.Refresh((name, value) =>
            {
                Assert.Same(name == "half" ? half.Value : sample.Value, value);
                bound.Add(name);
            });
            return bound;
        }
    }

    [Fact]
    public void What_a_graph_wrote_is_new_for_the_graph_that_reads_it()
    {
        using TemporaryFolder folder = new();
        GraphBuilder graph = new("twice");
        Value x = graph.Input("x", 1);
        graph.Output("y", graph.Add(x, x), 1);
        graph.Save(folder["model.onnx"], null, TestContext.Current.CancellationToken);
        using OnnxSession session = OnnxSession.Open(folder["model.onnx"], Device.Cpu, cancellationToken: TestContext.Current.CancellationToken);
        using OnnxBuffer input = new(TensorElementType.Float, 1), features = new(TensorElementType.Float, 1);
        using OnnxCall call = session.Bind((session.Output("y"), features), (session.Input("x"), input));
        BoundInputs reader = new([(Info("features"), features)]);
        input.Values[0] = 3;
        input.Upload();

        call.Run(TestContext.Current.CancellationToken);

        List<string> bound = [];
        reader.Refresh((name, _) => bound.Add(name));
        Assert.Equal(["features"], bound);
        Assert.Equal(6, features.Values[0]);
    }

    private static OnnxValueInfo Info(string name) => new(name, TensorElementType.Float, [1]);
}
