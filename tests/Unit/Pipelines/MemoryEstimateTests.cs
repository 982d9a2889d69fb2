using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

[Collection(AloneCollection.Name)]
public sealed class MemoryEstimateTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>, IDisposable
{
    public void Dispose() => Environment.SetEnvironmentVariable(MemoryLimit.Variable, null);

    [Theory]
    [InlineData(32, 1024, 1_207_959_552)]
    [InlineData(128, 512, 1_207_959_552)]
    [InlineData(32, 8192, 77_309_411_328)]
    public void The_memory_is_that_of_nine_feature_maps_of_the_size_of_the_image(int channels, int side, long bytes) =>
        Assert.Equal(bytes, MemoryEstimate.Bytes(channels, side, side));

    [Fact]
    public void An_image_that_does_not_fit_into_memory_is_refused_with_the_estimate_and_the_variable()
    {
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, "50000");
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Check(new DenoiseOptions { Width = 8192, Height = 8192, VaeTiling = "Off" }));

        Assert.Equal("Width", error.Setting);
        Assert.Contains("8192x8192", error.Message, StringComparison.Ordinal);
        Assert.Contains("GB", error.Message, StringComparison.Ordinal);
        Assert.Contains(MemoryLimit.Variable, error.Message, StringComparison.Ordinal);

        Assert.Equal((2048, 2048), demo.Pipeline.Check(new DenoiseOptions { Width = 2048, Height = 2048 }));

        // In tiles, the steps need the most.
        Assert.Equal((8192, 8192), demo.Pipeline.Check(new DenoiseOptions { Width = 8192, Height = 8192 }));
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, "2000");
        Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Check(new DenoiseOptions { Width = 8192, Height = 8192 }));
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, "100000");
        Assert.Equal((8192, 8192), demo.Pipeline.Check(new DenoiseOptions { Width = 8192, Height = 8192, VaeTiling = "Off" }));
    }

    [Fact]
    public void Attention_that_does_not_fit_into_memory_is_refused_before_it_is_computed()
    {
        long used = MemoryWatch.UsedBytes() ?? 0;
        Assert.SkipWhen(used == 0, "The system does not say how much memory the process uses.");
        List<string> opened = [];
        DiffusionPipeline pipeline = new(demo.Model, report => opened.Add(report.Activity));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: TestContext.Current.CancellationToken);
        DenoiseOptions options = new() { Steps = 1000, Width = 512, Height = 512, Attention = new AttentionOptions { KeepsHeads = true } };

        // Kept are 5 layers at the size of the latent and 6 of a half of it, with 4 heads, and 3 tokens, the start and the end.
        long bytes = 1000L * ((5 * 64 * 64) + (6 * 32 * 32)) * 4 * 5 * sizeof(float);
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, $"{(used + (bytes / 2)) / Limit.BytesPerMegabyte}");
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => pipeline.Denoise(embedding, negative: null, start: null, options, static _ => Assert.Fail("A step was made."), TestContext.Current.CancellationToken));

        Assert.Equal("Attention", error.Setting);
        Assert.Contains($"1000 steps would take {ByteSize.Format(bytes)}", error.Message, StringComparison.Ordinal);
        Assert.Contains("AttentionHead", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(opened, static activity => activity.Contains("attention", StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_that_was_stopped_for_memory_is_closed_and_opened_anew()
    {
        DiffusionModel stopped;
        using (ModelLease lease = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu))
        {
            stopped = lease.Model;
            DiffusionPipeline pipeline = new(stopped);
            CancellationToken token = TestContext.Current.CancellationToken;
            TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: token);
            InferenceException error = Assert.Throws<InferenceException>(() => pipeline.Denoise(
                embedding, negative: null, start: null, new DenoiseOptions { Steps = 3, Width = 1024, Height = 1024 }, static _ => Environment.SetEnvironmentVariable(MemoryLimit.Variable, "1"), token));
            Assert.Contains("was stopped while it ran", error.Message, StringComparison.Ordinal);
        }

        using ModelLease next = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        Assert.NotSame(stopped, next.Model);
    }
}
