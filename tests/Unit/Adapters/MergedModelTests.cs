using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Adapters;
using StableDiffusion.Building;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using Tensor = StableDiffusion.Tensors.Tensor;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Sessions with changed weights against graphs that were built of the changed weights themselves.</summary>
public sealed class MergedModelTests(SharedModels models, MergedModelTests.ChangedModels changed) : IClassFixture<MergedModelTests.ChangedModels>
{
    private const float Strength = 0.5f;

    // A linear layer, one that the graph holds in halves, one from a pointwise convolution, convolutions, and norms of both kinds.
    private static readonly string[] s_weights =
    [
        "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", "down_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj", "mid_block.attentions.0.proj_in",
        "down_blocks.1.resnets.0.conv1", "up_blocks.0.resnets.0.conv_shortcut", "down_blocks.0.downsamplers.0.conv", "conv_in",
        "down_blocks.1.resnets.0.norm1", "mid_block.attentions.0.transformer_blocks.0.norm2", "time_embedding.linear_1", "down_blocks.0.resnets.1.time_emb_proj",
    ];

    private static readonly string[] s_biases =
    [
        "down_blocks.1.resnets.0.conv1", "down_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj", "mid_block.attentions.0.proj_in",
        "down_blocks.1.resnets.0.norm1", "mid_block.attentions.0.transformer_blocks.0.norm2", "conv_out",
    ];

    [Theory]
    [InlineData(true, ModelPrecision.Full, true)]
    [InlineData(true, ModelPrecision.Full, false)]
    [InlineData(false, ModelPrecision.Full, true)]
    [InlineData(true, ModelPrecision.Half, true)]
    [InlineData(true, ModelPrecision.Half, false)]
    [InlineData(false, ModelPrecision.Half, true)]
    public void A_session_with_changed_weights_computes_what_a_graph_of_them_computes(bool reordersLayout, ModelPrecision precision, bool withConvolutions)
    {
        string folder = precision == ModelPrecision.Half ? models.HalfDemo : models.Demo;
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        (string lora, string rebuiltFolder) = changed.Build(precision, withConvolutions);
        using OnnxSession plain = OnnxSession.Open(Graph(folder), Device.Cpu, reordersLayout, cancellationToken: cancellation);
        using OnnxSession rebuilt = OnnxSession.Open(Graph(rebuiltFolder), Device.Cpu, reordersLayout, cancellationToken: cancellation);
        AdapterPlan plan = AdapterPlan.Make(folder, AdapterSet.Create([new Lora(lora, Strength)]), "demo");
        using OnnxSession merged = OnnxSession.Open(Graph(folder), Device.Cpu, reordersLayout, plan.Merge(ModelParts.UNet, Graph(folder), cancellation), cancellationToken: cancellation);

        float[] expected = Run(rebuilt);
        float magnitude = expected.Average(Math.Abs);
        Assert.True(Deviation(Run(plain), expected) > 0.01 * magnitude, "The change does not show.");
        Assert.InRange(Deviation(Run(merged), expected), 0, 1e-4 * magnitude);

        using TemporaryFolder copy = new();
        plan.Write(ModelParts.UNet, copy.Path, cancellation);
        using OnnxSession written = OnnxSession.Open(copy[Path.GetFileName(Graph(folder))], Device.Cpu, reordersLayout, cancellationToken: cancellation);
        Assert.InRange(Deviation(Run(written), expected), 0, 1e-4 * magnitude);
        Assert.Equal(s_weights.Union(s_biases).Count(path => withConvolutions || !IsConvolution(path)), plan.Reports[0].Applied);
    }

    [Fact]
    public void The_number_of_threads_changes_no_byte()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        AdapterSet both = AdapterSet.Create([.. ((bool[])[true, false]).Select(withConvolutions => new Lora(changed.Build(ModelPrecision.Full, withConvolutions).Lora, Strength))]);
        foreach (string folder in (string[])[models.Demo, models.HalfDemo, models.IntegerDemo])
        {
            using TemporaryFolder one = new(), several = new();
            AdapterPlan.Make(folder, both, "demo", threads: 1).Write(ModelParts.UNet, one.Path, cancellation);
            AdapterPlan.Make(folder, both, "demo", threads: 4).Write(ModelParts.UNet, several.Path, cancellation);
            string[] files = [.. Directory.EnumerateFiles(one.Path).Select(static file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
            Assert.Equal(files, Directory.EnumerateFiles(several.Path).Select(static file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
            Assert.All(files, file => Assert.True(File.ReadAllBytes(one[file]).AsSpan().SequenceEqual(File.ReadAllBytes(several[file])), file));
            Assert.Contains(files, file => !File.ReadAllBytes(one[file]).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(folder, ModelParts.UNet, file))));
        }

        Assert.Equal(Merged(threads: 1), Merged(threads: 4));

        float[] Merged(int threads)
        {
            using OnnxSession session = OnnxSession.Open(Graph(models.Demo), Device.Cpu, replaced: AdapterPlan.Make(models.Demo, both, "demo", threads).Merge(ModelParts.UNet, Graph(models.Demo), cancellation), cancellationToken: cancellation);
            return Run(session);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_change_of_weights_in_integers_is_as_close_as_the_integers_are(bool withConvolutions)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string lora = changed.Build(ModelPrecision.Full, withConvolutions).Lora;
        AdapterSet strong = AdapterSet.Create([new Lora(lora, 4)]);
        AdapterPlan plan = AdapterPlan.Make(models.IntegerDemo, strong, "demo");
        using TemporaryFolder copy = new();
        plan.Write(ModelParts.UNet, copy.Path, cancellation);
        float[] full = Result(Graph(models.Demo)), integers = Result(Graph(models.IntegerDemo)), changedIntegers = Result(copy["model.onnx"]);
        float[] expected = Result(Graph(models.Demo), AdapterPlan.Make(models.Demo, strong, "demo").Merge(ModelParts.UNet, Graph(models.Demo), cancellation));

        // The rounding between the layers is another one with other weights, so the two errors are as two of the integers.
        Assert.True(plan.IsQuantized(ModelParts.UNet));
        double own = Distance(integers, full), moved = Distance(changedIntegers, expected), change = Distance(expected, full);
        double fault = Distance([.. changedIntegers.Zip(integers, static (a, b) => a - b)], [.. expected.Zip(full, static (a, b) => a - b)]);
        TestContext.Current.TestOutputHelper?.WriteLine($"Integers: {own:E2}, with the change: {moved:E2}; the change: {change:E2}, and {fault:P0} of it are off.");
        Assert.InRange(moved, 0, 2 * own);
        Assert.InRange(fault * change, 0, 3 * own);
        Assert.InRange(change, 5 * own, double.MaxValue);

        float[] Result(string graph, ReplacedWeights? replaced = null)
        {
            using OnnxSession session = OnnxSession.Open(graph, Device.Cpu, replaced: replaced, cancellationToken: cancellation);
            return Run(session);
        }
    }

    // Root mean square, against that of the second.
    private static double Distance(float[] actual, float[] expected) =>
        Math.Sqrt(actual.Zip(expected, static (a, b) => ((double)a - b) * (a - b)).Sum() / expected.Sum(static value => (double)value * value));

    private static bool IsConvolution(string path) => path.Contains("conv", StringComparison.Ordinal);

    // What the processor runs.
    private static string Graph(string folder)
    {
        string path = Path.Combine(folder, ModelParts.UNet, ModelParts.FullOf(ModelParts.Graph));
        return File.Exists(path) ? path : Path.Combine(folder, ModelParts.UNet, ModelParts.Graph);
    }

    private static float Deviation(float[] actual, float[] expected) => actual.Zip(expected, (a, b) => Math.Abs(a - b)).Max();

    private static float[] Run(OnnxSession session)
    {
        Random random = new(3);
        using OnnxBuffer sample = Noise(1, session.Input("sample").Dimensions[1], 8, 8);
        using OnnxBuffer timestep = new(new Tensor([500f], 1), TensorElementType.Float);
        using OnnxBuffer text = Noise(1, 77, session.Input("encoder_hidden_states").Dimensions[2]);
        return session.Run(
            session.Output("out_sample"), TestContext.Current.CancellationToken,
            (session.Input("sample"), sample), (session.Input("timestep"), timestep), (session.Input("encoder_hidden_states"), text)).Values;

        OnnxBuffer Noise(params int[] shape)
        {
            Tensor tensor = new(shape);
            for (int i = 0; i < tensor.Length; i++)
                tensor.Values[i] = (float)(random.NextDouble() * 2 - 1);
            return new OnnxBuffer(tensor, TensorElementType.Float);
        }
    }

    /// <summary>The demo model with changed weights, and the LoRA that changes them.</summary>
    public sealed class ChangedModels : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Dictionary<bool, (string Lora, string Model)> _changed = [];

        public void Dispose() => _folder.Dispose();

        internal (string Lora, string Folder) Build(ModelPrecision precision, bool withConvolutions)
        {
            if (!_changed.TryGetValue(withConvolutions, out (string Lora, string Model) changed))
                _changed.Add(withConvolutions, changed = Change(withConvolutions));
            return (changed.Lora, ModelBuilder.Build(
                DiffusersFolder.Find(changed.Model, new ImportOptions { Precision = precision }), _folder["cache"], null, TestContext.Current.CancellationToken));
        }

        private (string Lora, string Model) Change(bool withConvolutions)
        {
            LoraTensors lora = new();
            string model = Repository.CopyDemoModel(_folder[$"changed-{withConvolutions}"]);
            SafetensorsWriter.Change(Path.Combine(model, ModelParts.UNet, "diffusion_pytorch_model.safetensors"), tensors =>
            {
                foreach (string path in s_weights.Where(path => withConvolutions || !IsConvolution(path)))
                    Add(tensors[$"{path}.weight"], $"lora_unet_{path.Replace('.', '_')}.diff");
                foreach (string path in s_biases.Where(path => withConvolutions || !IsConvolution(path)))
                    Add(tensors[$"{path}.bias"], $"lora_unet_{path.Replace('.', '_')}.diff_b");
            });
            return (lora.Save(_folder, $"{withConvolutions}.safetensors"), model);

            void Add(Tensor tensor, string key)
            {
                float[] change = lora.Add(key, [.. tensor.Shape]);
                for (int i = 0; i < change.Length; i++)
                {
                    change[i] *= 0.1f;
                    tensor.Values[i] += Strength * change[i];
                }
            }
        }
    }
}
