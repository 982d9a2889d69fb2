using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Tests.Onnx;

/// <summary>The options that ONNX Runtime's providers for NVIDIA cards are given.</summary>
public sealed class CardFeatureTests(SharedModels models)
{
    [Fact]
    public void TensorRT_keeps_engines_and_timings_where_there_is_a_folder()
    {
        CardFeatures features = new(PutsChannelsLast: false, RecordsRuns: false);
        Assert.Equal([new("device_id", "1"), new("trt_fp16_enable", "0")], features.OfTensorRt(1).OrderBy(static option => option.Key));

        features = features with { ComputesHalf = true, EngineFolder = "/cache/a b" };
        Assert.Equal(
            [
                new("device_id", "0"),
                new("trt_engine_cache_enable", "1"),
                new("trt_engine_cache_path", "/cache/a b"),
                new("trt_fp16_enable", "1"),
                new("trt_timing_cache_enable", "1"),
                new("trt_timing_cache_path", "/cache/a b"),
            ],
            features.OfTensorRt(0).OrderBy(static option => option.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void CUDA_is_told_nothing_of_engines()
    {
        CardFeatures features = new(PutsChannelsLast: true, RecordsRuns: false, ComputesHalf: true, EngineFolder: "/cache");
        Assert.Equal([new("device_id", "2"), new("enable_cuda_graph", "0"), new("prefer_nhwc", "1")], features.OfCuda(2).OrderBy(static option => option.Key));
    }

    /// <summary>A text encoder has no convolutions.</summary>
    [Theory]
    [InlineData("unet", "Conv")]
    [InlineData("unet", "MatMul")]
    [InlineData("text_encoder", "MatMul")]
    [InlineData("vae_decoder", "Conv")]
    public void A_graph_computes_in_half_precision_if_its_operators_read_such_weights(string part, string name)
    {
        Assert.True(IsHalf(models.HalfDemo, "model.onnx"));
        Assert.False(IsHalf(models.Demo, "model.onnx"));
        if (File.Exists(Path.Combine(models.HalfDemo, part, "model_full.onnx")))
            Assert.False(IsHalf(models.HalfDemo, "model_full.onnx"));

        bool IsHalf(string model, string graph) => GraphFile.IsHalf(GraphFile.Read(Path.Combine(model, part, graph)).Graph, name);
    }
}
