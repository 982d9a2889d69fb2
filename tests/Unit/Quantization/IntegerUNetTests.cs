using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Pipelines;
using StableDiffusion.Quantization;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Quantization;

/// <summary>The demo model's U-Net in 8-bit integers.</summary>
public sealed class IntegerUNetTests(SharedModels models)
{
    private const string Prompt = "a red house on the grass in daylight with the sun on the left";

    /// <summary>Pictures nearer than 30 dB differ as a JPEG file of good quality does from its original.</summary>
    private const double LowestMeanPsnr = 30;
    private const double LowestMeanSsim = 0.9;

    [Fact]
    public void Convolutions_and_linear_layers_are_of_integers_but_for_the_first_the_last_and_those_of_the_timestep()
    {
        GraphProto graph = ReadGraph(Path.Combine(models.IntegerDemo, "unet", "model.onnx"));
        GraphProto full = ReadGraph(Path.Combine(models.Demo, "unet", "model.onnx"));
        HashSet<string> dequantized = [.. graph.Node.Where(node => node.OpType == "DequantizeLinear").Select(node => node.Output[0])];

        string[] floatConvolutions = [.. graph.Node.Where(node => node.OpType == "Conv" && !dequantized.Contains(node.Input[1])).Select(node => node.Name)];
        NodeProto[] products = [.. graph.Node.Where(node => node.OpType == "MatMul")];

        Assert.Equal(["conv_in/Conv", "conv_out/Conv"], floatConvolutions);
        Assert.All(products, node => Assert.Matches("time_emb_proj|time_embedding", node.Name));
        Assert.Equal(full.Node.Count(node => node.OpType == "MatMul") - products.Length, graph.Node.Count(node => node.OpType == "DynamicQuantizeMatMul"));
        Assert.Equal(full.Node.Count(node => node.OpType == "MultiHeadAttention"), graph.Node.Count(node => node.OpType == "MultiHeadAttention"));
        Assert.All(
            graph.Node.Where(node => node.OpType == "Conv" && dequantized.Contains(node.Input[1])),
            node => Assert.Contains(node.Input[0], dequantized));
        Assert.Equal(full.Input.Select(input => input.Name), graph.Input.Select(input => input.Name));
        Assert.Equal(full.Output.Select(output => output.Name), graph.Output.Select(output => output.Name));
    }

    [Fact]
    public void ONNX_Runtime_makes_every_convolution_between_roundings_one_of_integers()
    {
        string path = Path.Combine(models.IntegerDemo, "unet", "model.onnx");
        using TemporaryFolder folder = new();
        using SessionOptions options = new() { GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED, OptimizedModelFilePath = folder["optimized.onnx"] };
        new InferenceSession(path, options).Dispose();

        GraphProto optimized = ReadGraph(folder["optimized.onnx"]);

        int quantized = ReadGraph(path).Node.Count(node => node.OpType == "Conv") - 2;
        Assert.Equal(quantized, optimized.Node.Count(node => node.OpType == "QLinearConv"));
        Assert.Equal(2, optimized.Node.Count(node => node.OpType is "Conv" or "FusedConv"));
    }

    [Fact]
    public void Weights_are_within_half_a_step_of_the_full_ones_in_every_channel()
    {
        float[] full = [0.5f, -1, 0.25f, 0, 0, 0, 30, -90, 127];
        GraphBuilder graph = new("test");
        QuantizedWeight weight = new(new GraphWeight("w", [3, 3, 1, 1], values => full.CopyTo(values)), channelsFirst: true);
        using TemporaryFolder folder = new();
        weight.AddValues(graph);
        graph.Save(folder["model.onnx"], null, TestContext.Current.CancellationToken);

        float[] scales = new float[3];
        weight.ReadScales(scales);
        byte[] integers = ReadGraph(folder["model.onnx"]).Initializer[0].RawData.ToByteArray();

        Assert.Equal([1 / 127f, 1, 1], scales);
        for (int i = 0; i < full.Length; i++)
            Assert.InRange(MathF.Abs(((sbyte)integers[i] * scales[i / 3]) - full[i]), 0, 0.5f * scales[i / 3]);
        Assert.Equal([127, -127], new[] { (int)(sbyte)integers[8], (sbyte)integers[1] });
    }

    [Theory]
    [InlineData(-1, 3, 64)]
    [InlineData(1, 4, 0)]
    [InlineData(-4, -2, 255)]
    [InlineData(0, 0, 0)]
    public void A_range_holds_its_ends_and_zero(float lowest, float highest, byte zeroPoint)
    {
        (float scale, byte zero) = new ActivationRange(lowest, highest).Quantize();

        Assert.Equal(zeroPoint, zero);
        Assert.True(scale > 0);
        Assert.InRange(lowest, ((0 - zero) * scale) - (scale / 2), float.MaxValue);
        Assert.InRange(highest, float.MinValue, ((255 - zero) * scale) + (scale / 2));
    }

    [Fact]
    public void Nothing_of_the_calibration_is_left_and_the_U_Net_is_small()
    {
        long Length(string folder) => new FileInfo(Path.Combine(folder, "unet", "model.onnx_data")).Length;

        Assert.Equal(["config.json", "model.onnx", "model.onnx_data", "model_outer_0.onnx", "model_outer_1.onnx", "model_outer_2.onnx"], Directory.GetFiles(Path.Combine(models.IntegerDemo, "unet")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.InRange(Length(models.IntegerDemo) / (double)Length(models.Demo), 0.25, 0.4);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(models.Demo, "vae_decoder", "model.onnx_data")),
            File.ReadAllBytes(Path.Combine(models.IntegerDemo, "vae_decoder", "model.onnx_data")));
    }

    [Fact]
    public void It_is_tried_with_pictures_of_the_size_that_it_makes()
    {
        Assert.NotEmpty(models.CalibrationWidths);
        Assert.All(models.CalibrationWidths, width => Assert.Equal(64, width));
    }

    [Fact]
    public void Pictures_are_close_to_those_of_full_precision()
    {
        PrecisionComparison comparison = PrecisionComparer.Run(
            ModelReader.Read("full", models.Demo, TestContext.Current.CancellationToken), ModelReader.Read("integer", models.IntegerDemo, TestContext.Current.CancellationToken), Prompt, new DenoiseOptions { Steps = 4 }, cancellationToken: TestContext.Current.CancellationToken);

        foreach (PrecisionDistance distance in comparison.Distances)
            TestContext.Current.SendDiagnosticMessage("seed {0}: {1:f2} dB, SSIM {2:f4}, {3:f2} ms beside {4:f2}", distance.Seed, distance.Psnr, distance.Ssim, distance.Step.TotalMilliseconds, distance.ReferenceStep.TotalMilliseconds);
        Assert.Equal(PrecisionComparer.Seeds, comparison.Distances.Count);
        Assert.InRange(comparison.Psnr, LowestMeanPsnr, 100);
        Assert.InRange(comparison.Ssim, LowestMeanSsim, 0.999999);
    }

    private static GraphProto ReadGraph(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph;
}
