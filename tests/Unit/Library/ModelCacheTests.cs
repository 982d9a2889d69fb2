using System.Text.Json;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Library;

public sealed class ModelCacheTests
{
    [Fact]
    public void A_model_is_open_once_for_all_who_use_it()
    {
        using ModelLease first = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        using ModelLease second = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);

        Assert.Same(first.Model, second.Model);
        Assert.Same(
            first.Model.OpenTextEncoder(null, TestContext.Current.CancellationToken),
            second.Model.OpenTextEncoder(null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Emptying_the_cache_leaves_a_model_open_that_is_in_use()
    {
        using ModelLease lease = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        ModelLibrary.Default.CloseModels();

        Assert.NotNull(lease.Model.OpenTextEncoder(null, TestContext.Current.CancellationToken).Encode("a red house", cancellationToken: TestContext.Current.CancellationToken));
        using ModelLease next = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        Assert.NotSame(lease.Model, next.Model);
    }

    [Fact]
    public void A_model_that_is_not_there_is_named_with_those_that_are()
    {
        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(() => ModelLibrary.Default.Models.Find("no-such-model", TestContext.Current.CancellationToken));
        Assert.Contains("no-such-model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_no_model_is_refused()
    {
        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(() => ModelLibrary.Default.Models.Find(AppContext.BaseDirectory, TestContext.Current.CancellationToken));
        Assert.Contains("model_index.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_demo_model_says_what_it_is()
    {
        ModelInfo info = ModelLibrary.Default.Models.Find(Repository.DemoModel, TestContext.Current.CancellationToken);

        Assert.Equal((64, 64, 25, 5.0), (info.Width, info.Height, info.Steps, info.GuidanceScale));
        Assert.Equal(("DDIM", "epsilon", 4, 8), (info.Scheduler, info.PredictionType, info.LatentChannels, info.LatentFactor));
    }

    [Theory]
    [InlineData("StableDiffusionPipeline", null, 7.5)]
    [InlineData("StableDiffusionXLPipeline", null, 5.0)]
    [InlineData("StableDiffusionXLPipeline", 3.0, 3.0)]
    public void A_model_has_its_familys_guidance_scale_unless_it_says_another(string className, double? said, double expected)
    {
        using TemporaryFolder folder = new();
        foreach (string part in (ReadOnlySpan<string>)["unet/config.json", "vae/config.json", "scheduler/scheduler_config.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder[part])!);
            File.Copy(Path.Combine(Repository.DemoModel, part), folder[part]);
        }

        File.WriteAllText(folder["model_index.json"], $$"""{ "_class_name": "{{className}}" }""");
        if (said is double scale)
            File.WriteAllText(folder["generation_config.json"], JsonSerializer.Serialize(new { guidance_scale = scale }));

        Assert.Equal(expected, ModelLibrary.Default.Models.Find(folder.Path, TestContext.Current.CancellationToken).GuidanceScale);
    }
}
