using System.Text.Json;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>ControlNets against what diffusers makes with them.</summary>
public sealed class ControlNetTests(SharedModels models)
{
    /// <summary>The bound that comes with the reference, relative to the latent's mean magnitude.</summary>
    private const double LatentTolerance = 2e-3;

    private static string NetFolder { get; } = Repository.Data("adapters", "sd1-controlnet");

    private static DiffusionImage Picture => ImageFile.Read(Repository.Data("adapters", "control.png"));

    [Fact]
    public void A_ControlNet_gives_the_latents_that_diffusers_gives()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("adapters", "adapters.json")));
        JsonElement[] cases = [.. document.RootElement.GetProperty("cases").EnumerateArray().Where(item => item.GetProperty("kind").GetString() == "controlnet")];
        Assert.Equal(3, cases.Length);

        Assert.All(cases, item =>
        {
            ControlOptions control = new(NetFolder, Picture)
            {
                Scale = item.GetProperty("conditioning_scale").GetDouble(),
                Start = item.GetProperty("guidance_start").GetDouble(),
                End = item.GetProperty("guidance_end").GetDouble(),
            };
            LatentCheck.AssertClose(Expected(item.GetProperty("latent").GetString()!), Denoise(control), LatentTolerance);
        });
    }

    [Fact]
    public void A_scale_of_zero_gives_the_picture_without_it()
    {
        Latent plain = Denoise();
        LatentCheck.AssertClose(Expected("base"), plain, LatentTolerance);
        LatentCheck.AssertClose(plain.Tensor, Denoise(new ControlOptions(NetFolder, Picture) { Scale = 0 }), 1e-5);
    }

    [Fact]
    public void A_part_that_holds_no_whole_step_gives_the_picture_without_it() =>
        LatentCheck.AssertClose(Denoise().Tensor, Denoise(new ControlOptions(NetFolder, Picture) { Start = 0.4, End = 0.6 }), 1e-5);

    [Fact]
    public void Two_ControlNets_add_up()
    {
        // The answers are linear in the scale, so that two halves make a whole.
        ControlOptions half = new(NetFolder, Picture) { Scale = 0.5 };
        LatentCheck.AssertClose(Denoise(new ControlOptions(NetFolder, Picture)).Tensor, Denoise(half, half), 1e-4);
    }

    [Fact]
    public void Two_ControlNets_take_turns()
    {
        ControlOptions early = new(NetFolder, Picture) { End = 0.5 };
        ControlOptions late = new(NetFolder, Picture) { Start = 0.5 };
        LatentCheck.AssertClose(Denoise(new ControlOptions(NetFolder, Picture)).Tensor, Denoise(early, late), 1e-5);
    }

    [Fact]
    public void A_single_file_in_the_original_layout_is_the_same_ControlNet()
    {
        using TemporaryFolder folder = new();
        string original = folder["original.safetensors"];
        OriginalControlNet.Write(Path.Combine(NetFolder, "diffusion_pytorch_model.safetensors"), original);
        Tensor expected = Denoise(new ControlOptions(NetFolder, Picture)).Tensor;
        Assert.Equal(expected.Values, Denoise(new ControlOptions(original, Picture)).Tensor.Values);
        Assert.Equal(expected.Values, Denoise(new ControlOptions(Path.Combine(NetFolder, "diffusion_pytorch_model.safetensors"), Picture)).Tensor.Values);
    }

    [Fact]
    public void Going_on_with_the_same_ControlNet_gives_the_same_latent()
    {
        ControlOptions control = new(NetFolder, Picture) { Start = 0.2, End = 0.7 };
        Latent half = Denoise(null, new DenoiseOptions { StopStep = 3 }, control);
        Assert.False(half.IsComplete);
        Assert.Equal(Denoise(control).Tensor.Values, Denoise(half, new DenoiseOptions(), control).Tensor.Values);
    }

    [Fact]
    public void A_scheduler_of_two_calls_a_step_counts_steps()
    {
        // Three steps of two calls: a half is no whole number of calls from a step's start.
        DenoiseOptions heun = new() { Scheduler = "Heun", Steps = 3 };
        ControlOptions none = new(NetFolder, Picture) { Start = 0.4, End = 0.6 };
        LatentCheck.AssertClose(Denoise(null, heun).Tensor, Denoise(null, heun, none), 1e-5);
    }

    [Fact]
    public void The_latent_says_which_ControlNet_took_part()
    {
        ControlNetInfo info = Assert.Single(Denoise(new ControlOptions(NetFolder, Picture) { Scale = 0.5 }).Info.ControlNets!);
        Assert.Equal((Path.GetFullPath(NetFolder), "None", 0.5, 0.0, 1.0), (info.Name, info.Preprocessor, info.Scale, info.Start, info.End));
        Assert.Equal(Path.GetFullPath(Repository.Data("adapters", "control.png")), info.Image);
        Assert.Equal(10, info.Hash!.Length);
    }

    [Theory]
    [InlineData(11, 0, 1, "ControlScale")]
    [InlineData(1, -0.1, 1, "ControlStart")]
    [InlineData(1, 0.5, 0.5, "ControlStart")]
    [InlineData(1, 0, 1.1, "ControlEnd")]
    public void A_setting_out_of_its_range_is_refused(double scale, double start, double end, string setting)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Denoise(new ControlOptions(NetFolder, Picture) { Scale = scale, Start = start, End = end }));
        Assert.Equal(setting, error.Setting);
    }

    [Fact]
    public void A_ControlNet_that_is_not_there_is_an_error_that_says_where_they_lie()
    {
        Assert.Throws<ControlNetNotFoundException>(() => Denoise(new ControlOptions("no-such-net", Picture)));
        ControlNetNotFoundException error = Assert.Throws<ControlNetNotFoundException>(() => ModelLibrary.Default.ControlNets.Locate("no-such-net"));
        Assert.Contains(StorageFolders.FromEnvironment().ControlNets, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ControlNet_of_another_family_is_refused()
    {
        using DiffusionModel model = new(ModelLibrary.Default.Models.Find(null, TestContext.Current.CancellationToken), Device.Cpu) { CacheFolder = StorageFolders.FromEnvironment().Cache };
        ShapeMismatchException error = Assert.Throws<ShapeMismatchException>(() => Denoise(model, null, new DenoiseOptions(), new ControlOptions(NetFolder, Picture)));
        Assert.Contains("sd1-controlnet", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_second_graph_has_no_weights_of_its_own()
    {
        string unet = Path.Combine(models.Sd1, "unet");
        Assert.Equal(["config.json", "model.onnx", "model.onnx_data", "model_control.onnx", "model_outer_0.onnx", "model_outer_1.onnx", "model_outer_2.onnx"], Directory.EnumerateFiles(unet).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (int branch in Enumerable.Range(0, DeepFeatures.MostBranches))
            Assert.InRange(new FileInfo(Path.Combine(unet, ModelParts.OuterGraph(branch))).Length, 1, new FileInfo(Path.Combine(unet, "model.onnx")).Length);
        Assert.InRange(new FileInfo(Path.Combine(unet, "model_control.onnx")).Length, 1, 2 * new FileInfo(Path.Combine(unet, "model.onnx")).Length);
    }

    [Fact]
    public void A_model_of_half_precision_takes_ControlNets_over_the_same_weights()
    {
        using TemporaryFolder cache = new();
        CheckpointSource source = new(FamilyReference.Find("sd1", "sd1-tiny.safetensors"), new ImportOptions { Precision = ModelPrecision.Half });
        string folder = ModelBuilder.Build(source, cache.Path, null, TestContext.Current.CancellationToken);
        using DiffusionModel model = new(ModelLibrary.Default.Models.Describe("half", folder, TestContext.Current.CancellationToken), Device.Cpu) { CacheFolder = StorageFolders.FromEnvironment().Cache };
        Latent plain = Denoise(model, null, new DenoiseOptions());
        LatentCheck.AssertClose(plain.Tensor, Denoise(model, null, new DenoiseOptions(), new ControlOptions(NetFolder, Picture) { Scale = 0 }), 1e-5);

        // The file's own weights are of 16 bits, so that nothing is lost.
        LatentCheck.AssertClose(Expected("controlnet.1.0.0.0.1.0"), Denoise(model, null, new DenoiseOptions(), new ControlOptions(NetFolder, Picture)), LatentTolerance);
    }

    private static Tensor Expected(string name)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Repository.Data("adapters", "adapters.safetensors"));
        return file.Read(name);
    }

    private Latent Denoise(params ControlOptions[] controls) => Denoise(null, new DenoiseOptions(), controls);

    private Latent Denoise(Latent? start, DenoiseOptions options, params ControlOptions[] controls) => Denoise(models.Open(models.Sd1), start, options, controls);

    private static Latent Denoise(DiffusionModel model, Latent? start, DenoiseOptions options, params ControlOptions[] controls)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        DiffusionPipeline pipeline = new(model);
        options = options with { Seed = 21, Steps = options.Steps ?? 6, GuidanceScale = 6, Width = 64, Height = 64, Scheduler = options.Scheduler ?? "DDIM", Controls = controls };
        return pipeline.Denoise(
            pipeline.EncodePrompt("a photo of an astronaut riding a horse", cancellationToken: cancellation),
            pipeline.EncodePrompt(string.Empty, cancellationToken: cancellation),
            start,
            options,
            cancellationToken: cancellation);
    }
}
