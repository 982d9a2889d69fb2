using StableDiffusion.Adapters;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Adapters;

/// <summary>A graph of the layers whose weights are in a file of reference numbers.</summary>
public abstract class ReferenceLayers : IDisposable
{
    private const double Tolerance = 1e-5;

    private readonly TemporaryFolder _folder = new();
    private readonly GraphInitializers _graph;
    private readonly IReadOnlyDictionary<string, AdaptableLayer> _layers;

    protected ReferenceLayers(string name)
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", name));
        GraphBuilder graph = new("layers");
        foreach (string weight in reference.Tensors.Keys.Where(static key => key.EndsWith(".weight", StringComparison.Ordinal)))
            Add(weight, reference.Read(weight));
        if (reference.Tensors.ContainsKey("norm.bias"))
            Add("norm.bias", reference.Read("norm.bias"));
        graph.Save(_folder["model.onnx"]);
        _graph = Assert.IsType<GraphInitializers>(GraphInitializers.Open(_folder["model.onnx"]));
        _layers = AdaptableLayer.ListOf(_graph);

        // A graph holds matrices transposed.
        void Add(string key, Tensor weight)
        {
            int[] shape = [.. weight.Shape];
            float[] values = [.. weight.Values];
            if (shape.Length == 2)
            {
                Matrix.Transpose(weight.Values, shape[0], shape[1], values);
                Array.Reverse(shape);
            }

            graph.Output($"out.{key}", graph.Weight(key, shape, target => values.CopyTo(target)), [.. shape]);
        }
    }

    public void Dispose()
    {
        _graph.Dispose();
        _folder.Dispose();
    }

    internal AdaptableLayer Find(string name) => _layers[name.Split('_')[1]];

    /// <summary>Asserts that a change is that from a weight to what is expected, relative to its largest value.</summary>
    internal static void AssertSum(float[] weight, float[] change, float[] expected)
    {
        double worst = 0, largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double wanted = (double)expected[i] - weight[i];
            worst = Math.Max(worst, Math.Abs(wanted - change[i]));
            largest = Math.Max(largest, Math.Abs(wanted));
        }

        Assert.Equal(expected.Length, change.Length);
        Assert.True(largest > 0.01, "The expected change is next to nothing.");
        Assert.True(worst <= Tolerance * largest, $"The change is off by {worst}, and its largest value is {largest}.");
    }
}
