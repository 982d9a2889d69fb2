using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Denoising in overlapping windows, against Forge's classes with the demo model's U-Net in diffusers.</summary>
public sealed class DiffusionTilingTests(SharedModels models)
{
    private const double LatentTolerance = 1e-3;
    private const string House = "a red house on the grass in daylight with the sun on the left";

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("windows", "windows.safetensors")));

    private static readonly JsonElement[] s_cases = [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("windows", "windows.json"))).RootElement.GetProperty("cases").EnumerateArray()];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Cases => [.. s_cases.Select(static item => item.GetProperty("id").GetString()!)];

    private DiffusionPipeline Demo => new(models.Open(models.Demo));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Windows_give_the_latent_that_Forge_gives(string id)
    {
        JsonElement item = s_cases.Single(item => item.GetProperty("id").GetString() == id);
        (string className, IReadOnlyDictionary<string, object?> schedulerOptions) = DemoReference.Scheduler(item.GetProperty("scheduler").GetString()!);
        DenoiseOptions options = new()
        {
            Seed = item.GetProperty("seed").GetInt64(),
            Steps = Whole("steps"),
            GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
            Width = Whole("width"),
            Height = Whole("height"),
            Scheduler = className,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            DiffusionTiling = item.GetProperty("method").GetString() == "MultiDiffusion" ? "MultiDiffusion" : "Mixture",
            DiffusionTileSize = Whole("tile"),
            DiffusionTileOverlap = Whole("overlap"),
        };
        TextEmbedding prompt = Encode(Demo, item.GetProperty("prompt").GetString()!), negative = Encode(Demo, item.GetProperty("negative_prompt").GetString()!);
        Latent latent = Demo.Denoise(prompt, negative, null, options, cancellationToken: Cancellation);
        LatentCheck.AssertClose(s_tensors.Value.Read(item.GetProperty("latent").GetString()!), latent, LatentTolerance);
        Assert.Equal((options.DiffusionTiling, options.DiffusionTileSize, options.DiffusionTileOverlap), (latent.DiffusionTiling, latent.DiffusionTileSize, latent.DiffusionTileOverlap));

        int Whole(string name) => item.GetProperty(name).GetInt32();
    }

    [Theory]
    [InlineData("MultiDiffusion", null)]
    [InlineData("Mixture", null)]
    [InlineData("Mixture", 128)]
    public void A_window_that_covers_the_latent_changes_nothing(string tiling, int? size)
    {
        TextEmbedding prompt = Encode(Demo, House);
        DenoiseOptions options = new() { Seed = 3, Steps = 4, Scheduler = "Euler a", Height = 48 };
        Latent plain = Demo.Denoise(prompt, null, null, options, cancellationToken: Cancellation);
        Latent tiled = Demo.Denoise(prompt, null, null, options with { DiffusionTiling = tiling, DiffusionTileSize = size }, cancellationToken: Cancellation);
        Assert.Equal(plain.Tensor.Values, tiled.Tensor.Values);
        Assert.Null(tiled.DiffusionTiling);
        Assert.Equal(plain.Stages!.ToString(), tiled.Stages!.ToString());
    }

    /// <summary>Windows without an overlap have nothing in common, so that each is what it would be alone.</summary>
    [Theory]
    [InlineData(nameof(SharedModels.Demo), null, false)]
    [InlineData(nameof(SharedModels.Demo), 2, false)]
    [InlineData(nameof(SharedModels.Demo), null, true)]
    [InlineData(nameof(SharedModels.Inpainting), null, false)]
    [InlineData(nameof(SharedModels.Edit), null, false)]
    [InlineData(nameof(SharedModels.Large), null, false)]
    [InlineData(nameof(SharedModels.IntegerDemo), null, false)]
    public void Windows_apart_are_what_they_are_alone(string kind, int? reuse, bool isControlled)
    {
        using TemporaryFolder folder = new();
        DiffusionModel model = models.Open(models.Find(kind));
        DiffusionPipeline pipeline = new(model);
        TextEmbedding prompt = Encode(pipeline, House), negative = Encode(pipeline, "night");
        DiffusionImage control = Picture(128, 64, 3);
        if (isControlled)
            UntrainedControlNet.WriteDemo(folder["net"]);
        Latent? start = kind == nameof(SharedModels.Edit) ? pipeline.EncodeImage(Picture(128, 64, 4), cancellationToken: Cancellation) : null;
        DenoiseOptions options = new()
        {
            Seed = 5,
            Steps = 4,
            Scheduler = "DDIM",
            GuidanceScale = 4,
            FeatureReuse = reuse,
            Width = start is null ? 128 : null,
            Height = start is null ? 64 : null,
            DiffusionTiling = "Mixture",
            DiffusionTileSize = 64,
            DiffusionTileOverlap = 0,
            Controls = Controls(control),
        };
        Tiling none = Tiling.None;
        UNet unet = isControlled ? model.OpenControlledUNet(null, Cancellation, none) : model.OpenUNet(null, Cancellation, none);
        DenoiseRequest whole = pipeline.Prepare(prompt, negative, start, options, unet, Cancellation).Request;
        LatentWindows windows = whole.Windows!;
        Assert.Equal(2, windows.Count);
        Tensor together = new Denoiser(unet).Run(whole, null, Cancellation);
        for (int window = 0; window < 2; window++)
        {
            DenoiseOptions own = options with { DiffusionTiling = null, DiffusionTileSize = null, DiffusionTileOverlap = null, Width = start is null ? 64 : null, Controls = Controls(Half(control, window)) };
            Latent? ownStart = start is null ? null : pipeline.EncodeImage(Picture(64, 64, 4), cancellationToken: Cancellation);
            DenoiseRequest alone = pipeline.Prepare(prompt, negative, ownStart, own, unet, Cancellation).Request;
            alone = alone with
            {
                Sample = windows.Cut(whole.Sample, window),
                AddedChannels = whole.AddedChannels is null ? null : windows.Cut(whole.AddedChannels, window),
                Positive = alone.Positive with { Sizes = whole.Positive.Sizes },
                Negative = alone.Negative! with { Sizes = whole.Negative!.Sizes },
            };
            Assert.Equal(new Denoiser(unet).Run(alone, null, Cancellation).Values, windows.Cut(together, window).Values);
        }

        Assert.NotEqual(windows.Cut(together, 0).Values, windows.Cut(together, 1).Values);

        ControlOptions[] Controls(DiffusionImage image) => isControlled ? [new ControlOptions(folder["net"], image)] : [];

        static DiffusionImage Half(DiffusionImage image, int half) => new(64, 64, [.. Enumerable.Range(0, 64).SelectMany(y => image.Pixels.Skip(((y * 128) + (half * 64)) * 3).Take(64 * 3))]);
    }

    [Fact]
    public void A_denoising_in_windows_can_be_stopped_and_goes_on()
    {
        TextEmbedding prompt = Encode(Demo, House);
        DenoiseOptions windows = new() { DiffusionTiling = "Mixture" };
        DenoiseOptions options = windows with { Seed = 3, Steps = 6, Scheduler = "DPM++ 2M", Width = 96 };
        Latent whole = Demo.Denoise(prompt, null, null, options, cancellationToken: Cancellation);
        Latent half = Demo.Denoise(prompt, null, null, options with { StopStep = 3 }, cancellationToken: Cancellation);
        Assert.Equal(whole.Tensor.Values, Demo.Denoise(prompt, null, half, windows, cancellationToken: Cancellation).Tensor.Values);
        Assert.NotEqual(whole.Tensor.Values, Demo.Denoise(prompt, null, half, new DenoiseOptions(), cancellationToken: Cancellation).Tensor.Values);
    }

    [Fact]
    public void The_part_that_a_mask_keeps_stays_as_it_is()
    {
        DiffusionImage image = Picture(128, 64, 1);
        MaskImage mask = new(128, 64, [.. Enumerable.Range(0, 128 * 64).Select(static i => i % 128 < 64 ? byte.MaxValue : (byte)0)]);
        Latent start = Demo.EncodeImage(image, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 4, Strength = 0.9, Mask = mask, DiffusionTiling = "MultiDiffusion" };
        Latent made = Demo.Denoise(Encode(Demo, House), null, start, options, cancellationToken: Cancellation);
        Assert.Equal("MultiDiffusion", made.DiffusionTiling);
        for (int i = 0; i < made.Tensor.Length; i++)
        {
            if (i % 16 >= 8)
                Assert.Equal(start.Tensor.Values[i], made.Tensor.Values[i], 1e-6);
        }

        Assert.NotEqual(start.Tensor.Values[..8], made.Tensor.Values[..8]);
    }

    [Fact]
    public void Batches_leave_denoisings_in_windows_alone()
    {
        DiffusionPipeline pipeline = Demo;
        TextEmbedding prompt = Encode(pipeline, House);
        DenoiseOptions options = new() { Seed = 3, Steps = 2, Width = 96, DiffusionTiling = "MultiDiffusion" };
        using DeviceBatches batches = pipeline.Divide([new(prompt, null, null, options), new(prompt, null, null, options with { Seed = 4 })], 2, cancellationToken: Cancellation);
        Assert.Equal(2, batches.All.Count);
        Assert.Equal(pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation).Tensor.Values, batches.All[0].Run()[0].Latent!.Tensor.Values);
    }

    [Fact]
    public void What_cannot_be_combined_is_refused_by_name()
    {
        Assert.Equal("DiffusionTiling", Refused(new DenoiseOptions { DiffusionTiling = "Mixture", Tiling = "Both" }));
        Assert.Equal("DiffusionTileOverlap", Refused(new DenoiseOptions { DiffusionTiling = "Mixture", DiffusionTileOverlap = 64 }));
        Assert.Equal("DiffusionTileSize", Refused(new DenoiseOptions { DiffusionTiling = "Mixture", DiffusionTileSize = 16 }));
        Assert.Equal("DiffusionTileSize", Refused(new DenoiseOptions { DiffusionTiling = "Mixture", DiffusionTileSize = 32, DiffusionTileOverlap = 24, Width = 8192, Height = 8192 }));
        Assert.Equal("DiffusionTiling", Refused(new DenoiseOptions { DiffusionTiling = "Both" }));

        string Refused(DenoiseOptions options) => Assert.Throws<InvalidSettingException>(() => Demo.Check(options)).Setting;
    }

    [Theory]
    [InlineData("MultiDiffusion")]
    [InlineData("Mixture")]
    public void The_text_of_the_extension_is_written_and_read(string tiling)
    {
        GenerationInfo info = new() { Prompt = "a", Seed = 1, Steps = 2, Width = 1024, Height = 512, DiffusionTiling = tiling, DiffusionTileSize = 768, DiffusionTileOverlap = 384 };
        string text = Infotext.Format(info);
        Assert.Contains($"Tiled Diffusion: \"{{'Method': '{(tiling == "Mixture" ? "Mixture of Diffusers" : tiling)}', 'Tile tile width': 96, 'Tile tile height': 96, 'Tile Overlap': 48, 'Tile batch size': 1}}\"", text, StringComparison.Ordinal);
        List<string> warnings = [];
        GenerationInfo read = InfotextMetadata.Read(text, hasGraph: false, warnings).FullInfo;
        Assert.Empty(warnings);
        Assert.Equal((tiling, 768, 384), (read.DiffusionTiling, read.DiffusionTileSize, read.DiffusionTileOverlap));
    }

    [Fact]
    public void The_texts_of_Forge_and_of_other_windows_are_read()
    {
        List<string> warnings = [];
        GenerationInfo forge = Read("multidiffusion_enabled: True, multidiffusion_method: Mixture of Diffusers, multidiffusion_tile_width: 768, multidiffusion_tile_height: 768, multidiffusion_tile_overlap: 64, multidiffusion_tile_batch_size: 4");
        Assert.Equal(("Mixture", 768, 64), (forge.DiffusionTiling, forge.DiffusionTileSize, forge.DiffusionTileOverlap));
        Assert.DoesNotContain(warnings, static warning => warning.Contains("multidiffusion", StringComparison.Ordinal));

        GenerationInfo wide = Read("Tiled Diffusion: \"{'Method': 'MultiDiffusion', 'Tile tile width': 96, 'Tile tile height': 64, 'Tile Overlap': 48, 'Tile batch size': 4, 'Upscaler': 'None'}\"");
        Assert.Equal(("MultiDiffusion", 768, 384), (wide.DiffusionTiling, wide.DiffusionTileSize, wide.DiffusionTileOverlap));
        Assert.Contains(warnings, static warning => warning.Contains("768x512", StringComparison.Ordinal));

        Assert.Null(Read("Tiled Diffusion: \"{'Method': 'DemoFusion', 'Tile tile width': 96}\"").DiffusionTiling);
        Assert.Contains(warnings, static warning => warning.Contains("'DemoFusion'", StringComparison.Ordinal));

        GenerationInfo Read(string keys) => InfotextMetadata.Read($"a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 1024x768, {keys}, Version: v1.10.1", hasGraph: false, warnings).FullInfo;
    }

    private static TextEmbedding Encode(DiffusionPipeline pipeline, string prompt) => pipeline.EncodePrompt(prompt, cancellationToken: Cancellation);

    private static DiffusionImage Picture(int width, int height, int seed)
    {
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        new Random(seed).NextBytes(pixels);
        return new DiffusionImage(width, height, pixels);
    }
}
