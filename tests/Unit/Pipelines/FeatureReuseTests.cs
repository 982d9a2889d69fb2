using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The reuse of deep features, against what DeepCache made of the demo model.</summary>
public sealed class FeatureReuseTests(SharedModels models)
{
    private const double LatentTolerance = 1e-3;
    private const string Prompt = "a purple heart on white";

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("speed", "deepcache.safetensors")));

    public static TheoryData<string> Cases => [.. Reference().Select(static item => item.GetProperty("id").GetString()!)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Steps_that_reuse_features_give_the_latent_that_DeepCache_gives(string id)
    {
        JsonElement item = Reference().Single(item => item.GetProperty("id").GetString() == id);
        (string className, IReadOnlyDictionary<string, object?> schedulerOptions) = DemoReference.Scheduler(item.GetProperty("scheduler").GetString()!);
        DenoiseOptions options = new()
        {
            Seed = item.GetProperty("seed").GetInt64(),
            Steps = item.GetProperty("steps").GetInt32(),
            GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
            Width = item.GetProperty("width").GetInt32(),
            Height = item.GetProperty("height").GetInt32(),
            Scheduler = className,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            FeatureReuse = item.GetProperty("cache_interval").GetInt32(),
            FeatureReuseBranch = item.GetProperty("cache_branch_id").GetInt32(),
        };
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        TextEmbedding prompt = pipeline.EncodePrompt(item.GetProperty("prompt").GetString()!, cancellationToken: Cancellation);
        TextEmbedding negative = pipeline.EncodePrompt(item.GetProperty("negative_prompt").GetString()!, cancellationToken: Cancellation);
        Tensor expected = s_tensors.Value.Read(item.GetProperty("tensors").GetProperty("latent").GetString()!);

        LatentCheck.AssertClose(expected, pipeline.Denoise(prompt, negative, null, options, cancellationToken: Cancellation), LatentTolerance);
        Assert.InRange(Distance(expected.Values, pipeline.Denoise(prompt, negative, null, options with { FeatureReuse = null }, cancellationToken: Cancellation).Tensor.Values), 10 * LatentTolerance, 10);
    }

    [Theory]
    [InlineData(nameof(SharedModels.Demo))]
    [InlineData(nameof(SharedModels.HalfDemo))]
    [InlineData(nameof(SharedModels.IntegerDemo))]
    [InlineData(nameof(SharedModels.Sd2))]
    [InlineData(nameof(SharedModels.Inpainting))]
    [InlineData(nameof(SharedModels.Large))]
    [InlineData(nameof(SharedModels.Refiner))]
    public void The_outer_layers_with_the_features_of_the_same_input_predict_what_the_whole_network_predicts(string kind)
    {
        DiffusionModel model = models.Open(models.Find(kind));
        TextVectors text = new DiffusionPipeline(model).EncodePrompt(Prompt, cancellationToken: Cancellation).Vectors;
        float[] sizes = model.Family.TimeIds(new(), 64, 80, isNegative: false);
        UNet unet = model.OpenUNet(null, Cancellation);
        for (int branch = 0; branch < DeepFeatures.MostBranches; branch++)
        {
            if (!File.Exists(Path.Combine(models.Find(kind), ModelParts.UNet, ModelParts.OuterGraph(branch))))
                continue;
            FeatureReuse reuse = new(model.OpenOuterUNet(branch, null, Cancellation), branch, Interval: 2);
            using UNetInput input = unet.CreateInput(10, 8, unet.Channels == unet.LatentChannels ? null : Noise(unet.Channels - unet.LatentChannels));
            using UNetPrediction prediction = unet.Bind(input, text, sizes, reuse: reuse);
            Noise(unet.LatentChannels).Values.CopyTo(input.Sample.Values, 0);
            input.Upload(500);
            float[] whole = prediction.Run(0, Cancellation).ToArray();

            Assert.InRange(Distance(whole, prediction.Run(1, Cancellation).ToArray()), 0, 1e-5);
            input.Sample.Values[0] += 1;
            input.Upload(500);
            Assert.InRange(Distance(whole, prediction.Run(1, Cancellation).ToArray()), 1e-3, 1e3);
            Assert.NotEqual(prediction.Run(1, Cancellation).ToArray(), prediction.Run(2, Cancellation).ToArray());
        }

        static Tensor Noise(int channels)
        {
            Random random = new(1);
            return new([.. Enumerable.Range(0, channels * 80).Select(_ => (float)((random.NextDouble() * 2) - 1))], 1, channels, 10, 8);
        }
    }

    [Fact]
    public void Calls_of_the_whole_network_are_those_of_the_interval_and_the_first_of_each_text()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 6, Scheduler = "DDIM", GuidanceScale = 3, FeatureReuse = 3 };
        Latent whole = pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation);

        // A stop at a multiple of the interval changes nothing; elsewhere the first call after it runs whole.
        Latent goesOn = pipeline.Denoise(prompt, null, pipeline.Denoise(prompt, null, null, options with { StopStep = 3 }, cancellationToken: Cancellation), new() { GuidanceScale = 3, FeatureReuse = 3 }, cancellationToken: Cancellation);
        Latent begins = pipeline.Denoise(prompt, null, pipeline.Denoise(prompt, null, null, options with { StopStep = 2 }, cancellationToken: Cancellation), new() { GuidanceScale = 3, FeatureReuse = 3 }, cancellationToken: Cancellation);
        Assert.Equal(whole.Tensor.Values, goesOn.Tensor.Values);
        Assert.NotEqual(whole.Tensor.Values, begins.Tensor.Values);

        // With an interval as long as the denoising, only the first call is whole, of the guidance too where it begins later.
        Latent late = pipeline.Denoise(prompt, null, null, options with { GuidanceStart = 0.5, FeatureReuse = 6 }, cancellationToken: Cancellation);
        Latent stopped = pipeline.Denoise(prompt, null, null, options with { GuidanceScale = 1, FeatureReuse = 6, StopStep = 3 }, cancellationToken: Cancellation);
        Assert.Equal(
            stopped.Tensor.Values,
            pipeline.Denoise(prompt, null, null, options with { GuidanceStart = 0.5, FeatureReuse = 6, StopStep = 3 }, cancellationToken: Cancellation).Tensor.Values);
        Assert.NotEqual(stopped.Tensor.Values, late.Tensor.Values);
    }

    [Fact]
    public void The_reuse_is_recorded_and_is_refused_where_it_cannot_be()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 4, FeatureReuse = 2, FeatureReuseBranch = 1 };

        Latent latent = pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation);
        Assert.Contains("Feature reuse: 2, Feature reuse branch: 1", Infotext.Format(latent.Info), StringComparison.Ordinal);
        Assert.DoesNotContain("Feature reuse", Infotext.Format(pipeline.Denoise(prompt, null, null, options with { FeatureReuse = 1 }, cancellationToken: Cancellation).Info), StringComparison.Ordinal);

        DiffusionImage image = new(64, 64, new byte[64 * 64 * 3], new());
        Assert.Equal("FeatureReuse", Assert.Throws<InvalidSettingException>(() => pipeline.Check(options with { Controls = [new ControlOptions("net", image)] })).Setting);
        foreach (DenoiseOptions wrong in new[] { options with { FeatureReuse = 0 }, options with { FeatureReuse = 101 }, options with { FeatureReuseBranch = 3 }, options with { FeatureReuseBranch = -1 } })
            Assert.StartsWith("FeatureReuse", Assert.Throws<InvalidSettingException>(() => pipeline.Check(wrong)).Setting, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_the_graphs_of_the_outer_layers_says_so()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.EnumerateFiles(models.Demo, "*", SearchOption.AllDirectories).Where(static file => !file.Contains("outer", StringComparison.Ordinal)))
        {
            string copy = folder[Path.GetRelativePath(models.Demo, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        using DiffusionModel model = new(ModelReader.Read(folder.Path, folder.Path, Cancellation), StableDiffusion.Onnx.Device.Cpu);
        DiffusionPipeline pipeline = new(model);
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 2 };

        string message = Assert.Throws<ModelInvalidException>(() => pipeline.Denoise(prompt, null, null, options with { FeatureReuse = 2 }, cancellationToken: Cancellation)).Message;
        Assert.Contains("does not support FeatureReuse", message, StringComparison.Ordinal);
        Assert.Equal(Pipeline(models.Demo).Denoise(prompt, null, null, options, cancellationToken: Cancellation).Tensor.Values, pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation).Tensor.Values);
    }

    private static JsonElement[] Reference() => [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("speed", "deepcache.json"))).RootElement.GetProperty("cases").EnumerateArray()];

    private static double Distance(float[] expected, float[] actual) =>
        expected.Zip(actual, static (a, b) => Math.Abs((double)a - b)).Max() / expected.Average(static value => Math.Abs((double)value));

    private DiffusionPipeline Pipeline(string folder) => new(models.Open(folder));
}
