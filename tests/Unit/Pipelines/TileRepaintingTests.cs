using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Replaying;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Second passes tile by tile, as A1111's SD upscale, against the stages by hand.</summary>
public sealed class TileRepaintingTests : CompositionCase
{
    private const string House = "a red house";

    [Fact]
    public void Two_passes_with_tiles_are_the_stages_by_hand()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        HiresSettings hires = new() { HiresScale = 1.5, HiresTileSize = 64, HiresTileOverlap = 16, HiresSteps = 3, HiresStrength = 0.4, HiresScheduler = "Euler a", HiresPrompt = "a red brick house" };
        DenoiseOptions options = new() { Prompt = House, Seed = 5, Steps = 4, Scheduler = "DDIM", Hires = hires };
        DiffusionImage image = Make(pipeline, options);

        TextEmbedding first = pipeline.EncodePrompt(House, cancellationToken: Token), second = pipeline.EncodePrompt("a red brick house", cancellationToken: Token);
        Latent latent = pipeline.Denoise(first, null, null, new DenoiseOptions { Seed = 5, Steps = 4, Scheduler = "DDIM" }, cancellationToken: Token);
        DiffusionImage small = pipeline.Decode(latent, new VaeOptions { Rounding = ByteRounding.Down }, Token);
        DiffusionImage large = ImageUpscaling.Run(small, ResampleFilter.Lanczos, new UpscaleOptions { Width = 96, Height = 96 }, Token);
        DenoiseOptions own = new() { Steps = 3, Strength = 0.4, StrengthRule = "Exact", Scheduler = "Euler a" };
        byte[] expected = ByHand(pipeline, large, 64, 16, (tile, index) => pipeline.Denoise(second, null, pipeline.EncodeImage(tile, cancellationToken: Token), own with { Seed = 5 + index }, cancellationToken: Token));
        Assert.Equal(expected, image.Pixels);

        Assert.Equal((96, 96, 64, 4, "DDIM"), (image.Width, image.Height, image.Info.Width, image.Info.Steps, image.Info.Scheduler));
        Assert.Equal(["Denoise", "Decode", "Upscale", "RepaintTiles"], image.Stages!.Select(static stage => stage.Operation));
        Assert.Equal(hires with { HiresUpscaler = "Lanczos" }, image.Info.Hires);
        Assert.Null(image.Strength);
        AssertRepeats(image);
    }

    [Theory]
    [InlineData("Lanczos", 2.0, 32)]
    [InlineData("compact", 2.0, 64)]
    [InlineData(null, null, 32)]
    public void An_image_is_enlarged_and_made_again_in_tiles(string? upscaler, double? scale, int tile)
    {
        string file = WriteStore()[0];
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DiffusionImage source = ImageFile.Read(file);
        DenoiseOptions options = new() { Prompt = House, Seed = 7, Steps = 4, Strength = 0.5, Hires = new HiresSettings { HiresScale = scale, HiresTileSize = tile, HiresUpscaler = upscaler } };
        DiffusionImage image = Make(pipeline, options, pipeline.FitImage(source));

        DiffusionImage large = scale is null ? source : Library.Upscale(source, new UpscaleOptions { Upscaler = upscaler!, Width = 128, Height = 128 }, Device.Cpu, cancellationToken: Token);
        TextEmbedding prompt = pipeline.EncodePrompt(House, cancellationToken: Token);
        DenoiseOptions own = new() { Steps = 4, Strength = 0.5, StrengthRule = "Exact" };
        byte[] expected = ByHand(pipeline, large, tile, tile / 2, (part, index) => pipeline.Denoise(prompt, null, pipeline.EncodeImage(part, cancellationToken: Token), own with { Seed = 7 + index }, cancellationToken: Token));
        Assert.Equal(expected, image.Pixels);
        Assert.Equal((scale is null ? 64 : 128, 64), (image.Width, image.Info.Width));
        Assert.Equal(new HiresSettings { HiresScale = scale, HiresTileSize = tile, HiresTileOverlap = tile / 2, HiresUpscaler = upscaler, HiresSteps = 4, HiresStrength = 0.5 }, image.Info.Hires);
        Assert.Equal([.. (string[])["ReadImage"], .. scale is null ? [] : (string[])["Upscale"], "RepaintTiles"], image.Stages!.Select(static stage => stage.Operation));
        AssertRepeats(image, source);

        // The text of another tool's form is that of the pass; that another image is needed is said by the stages.
        string text = Infotext.Format(image.Info);
        Assert.Contains($"SD upscale overlap: {tile / 2}", text, StringComparison.Ordinal);
        Assert.Contains("Denoising strength: 0.5", text, StringComparison.Ordinal);
        Assert.Contains("RepaintTiles", text, StringComparison.Ordinal);
        Assert.Equal(image.Info.Hires, InfotextMetadata.Read(text, hasGraph: false, []).FullInfo.Hires);
    }

    [Fact]
    public void Each_tile_has_its_part_of_a_control_image()
    {
        string[] files = WriteStore();
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DiffusionImage source = ImageFile.Read(files[0]), control = ImageFile.Read(files[1]);
        DenoiseOptions options = new()
        {
            Prompt = House,
            Seed = 7,
            Steps = 3,
            Hires = new HiresSettings { HiresWidth = 96, HiresTileSize = 64, HiresStrength = 0.6 },
            Controls = [new ControlOptions("net", control) { Preprocessor = ControlPreprocessor.Canny, Scale = 0.8 }],
        };
        DiffusionImage image = Make(pipeline, options, pipeline.FitImage(source));

        DiffusionImage large = ImageUpscaling.Run(source, ResampleFilter.Lanczos, new UpscaleOptions { Width = 96, Height = 96 }, Token);
        DiffusionImage edges = ControlImage.Preprocess(ImageResize.Resize(control, 96, 96, ResizeMode.Stretch), ControlPreprocessor.Canny, cancellationToken: Token);
        TextEmbedding prompt = pipeline.EncodePrompt(House, cancellationToken: Token);
        int[] starts = [0, 32];
        byte[] expected = ByHand(pipeline, large, 64, 32, (part, index) => pipeline.Denoise(
            prompt,
            null,
            pipeline.EncodeImage(part, cancellationToken: Token),
            new DenoiseOptions { Steps = 3, Strength = 0.6, StrengthRule = "Exact", Seed = 7 + index, Controls = [new ControlOptions("net", Cut(edges, starts[index % 2], starts[index / 2])) { Scale = 0.8 }] },
            cancellationToken: Token));
        Assert.Equal(expected, image.Pixels);
        ControlNetInfo net = Assert.Single(image.Info.ControlNets!);
        Assert.Equal(("Canny", 0.8, files[1]), (net.Preprocessor, net.Scale, net.Image));
        AssertRepeats(image, source, control);

        static DiffusionImage Cut(DiffusionImage image, int left, int top) => new(64, 64, [.. Enumerable.Range(top, 64).SelectMany(y => image.Pixels.Skip(((y * image.Width) + left) * 3).Take(64 * 3))]);
    }

    [Fact]
    public void A_ControlNet_takes_part_in_both_passes()
    {
        string[] files = WriteStore();
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        ControlOptions control = new("net", ImageFile.Read(files[1]));
        DenoiseOptions options = new() { Prompt = House, Seed = 7, Steps = 3, Controls = [control] };
        DiffusionImage image = Make(pipeline, options with { Hires = new HiresSettings { HiresScale = 1.5, HiresStrength = 0.6 } });

        TextEmbedding prompt = pipeline.EncodePrompt(House, cancellationToken: Token);
        Latent first = pipeline.Denoise(prompt, null, null, options with { Prompt = null }, cancellationToken: Token);
        Latent large = LatentResize.Resize(first, 96, 96, LatentResizeMode.Bilinear, antialias: false, ResizeMode.Crop);
        Latent second = pipeline.Denoise(prompt, null, large, new DenoiseOptions { Seed = 7, Steps = 3, Strength = 0.6, StrengthRule = "Exact", Controls = [control] }, cancellationToken: Token);
        Assert.Equal(pipeline.Decode(second, Token).Pixels, image.Pixels);
        Assert.Single(image.Info.ControlNets!);
        AssertRepeats(image, control.Image);
    }

    [Fact]
    public void A_second_pass_can_go_through_windows()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DenoiseOptions options = new() { Prompt = House, Seed = 7, Steps = 3, Hires = new HiresSettings { HiresScale = 1.5, HiresStrength = 0.6 } };
        DiffusionImage image = Make(pipeline, options with { DiffusionTiling = "MultiDiffusion" });
        Assert.Equal([null, "MultiDiffusion"], image.Stages!.Where(static stage => stage.Operation == "Denoise").Select(static stage => stage.Text("DiffusionTiling")));
        Assert.NotEqual(Make(pipeline, options).Pixels, image.Pixels);
        AssertRepeats(image);
    }

    [Fact]
    public void Settings_that_tiles_do_not_take_are_refused_by_name()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DiffusionImage picture = new(64, 64, new byte[64 * 64 * 3]);
        StartImage start = pipeline.FitImage(picture), masked = pipeline.FitImage(picture, new MaskImage(64, 64, [.. Enumerable.Repeat(byte.MaxValue, 64 * 64)]));
        HiresSettings tiles = new() { HiresScale = 2, HiresTileSize = 64 };

        Assert.Equal("HiresScale", Refused(new DenoiseOptions { Hires = new HiresSettings { HiresTileSize = 64 } }));
        Assert.Equal("HiresScale", Refused(new DenoiseOptions { Hires = new HiresSettings { HiresScale = 2 } }, start));
        Assert.Equal("HiresTileOverlap", Refused(new DenoiseOptions { Hires = new HiresSettings { HiresScale = 2, HiresTileOverlap = 8 } }));
        Assert.Equal("HiresTileOverlap", Refused(new DenoiseOptions { Hires = tiles with { HiresTileOverlap = 40 } }));
        Assert.Equal("HiresTileSize", Refused(new DenoiseOptions { Hires = tiles with { HiresTileSize = 60 } }));
        Assert.Equal("HiresTileSize", Refused(new DenoiseOptions { Hires = tiles with { HiresTileSize = 16 } }));
        Assert.Equal("HiresTileSize", Refused(new DenoiseOptions { Hires = tiles }, masked));
        Assert.Equal("HiresTileSize", Refused(new DenoiseOptions { Hires = tiles, Tiling = "X" }));
        Assert.Equal("HiresUpscaler", Refused(new DenoiseOptions { Hires = tiles with { HiresUpscaler = "Latent (bicubic)" } }));
        Assert.Equal("HiresScale", Refused(new DenoiseOptions { Width = 1024, Height = 1024, Hires = tiles with { HiresScale = 16 } }));
        Assert.Equal("Seed", Assert.Throws<InvalidSettingException>(() => Make(pipeline, new DenoiseOptions { Prompt = "a", Seed = long.MaxValue - 2, Steps = 1, Hires = tiles }, start)).Setting);
        Assert.Equal((128, 128), pipeline.Check(new DenoiseOptions { Hires = tiles }, start));

        string Refused(DenoiseOptions options, StartImage? from = null) => Assert.Throws<InvalidSettingException>(() => pipeline.Check(options, from)).Setting;
    }

    [Fact]
    public void The_settings_of_A1111s_script_are_read()
    {
        List<string> warnings = [];
        GenerationInfo info = InfotextMetadata.Read("a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512, Denoising strength: 0.3, SD upscale overlap: 64, SD upscale upscaler: R-ESRGAN 4x+, Version: v1.10.1", hasGraph: false, warnings).FullInfo;
        Assert.Equal(new HiresSettings { HiresTileSize = 512, HiresTileOverlap = 64, HiresUpscaler = "R-ESRGAN 4x+", HiresStrength = 0.3 }, info.Hires);
        Assert.Null(info.Strength);
        Assert.Null(info.Width);
        Assert.Contains(warnings, static warning => warning.Contains("512x512", StringComparison.Ordinal));
        Assert.DoesNotContain(warnings, static warning => warning.Contains("SD upscale", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("TileSize", 0L)]
    [InlineData("TileSize", 65L)]
    [InlineData("TileOverlap", 4000L)]
    public void A_damaged_stage_is_refused_before_anything_is_made(string setting, long value)
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionImage image = Make(new DiffusionPipeline(lease.Model), new DenoiseOptions { Prompt = "a", Seed = 1, Steps = 2, Hires = new HiresSettings { HiresScale = 1.5, HiresTileSize = 64 } });
        GenerationStage last = image.Stages![^1];
        OrderedDictionary<string, object> settings = new(last.Settings, StringComparer.Ordinal) { [setting] = value };
        StageList damaged = new StageList(image.Stages.SkipLast(1)).Append(new GenerationStage { Operation = last.Operation, Settings = settings, Inputs = last.Inputs, Output = last.Output, Made = last.Made });
        Assert.Throws<InvalidSettingException>(() => new StageReplay(Library, Use, new ReplayImages()).Check(damaged, Token));
    }

    private DiffusionImage Make(DiffusionPipeline pipeline, DenoiseOptions options, StartImage? start = null) => new TextToImage(new TextToImageRequest
    {
        Options = options,
        Start = start,
        Upscale = (image, size, progress, token) => Library.Upscale(image, size, Device.Cpu, progress, token),
    }).Make(pipeline, 0, cancellationToken: Token);

    private static byte[] ByHand(DiffusionPipeline pipeline, DiffusionImage image, int tile, int overlap, Func<DiffusionImage, int, Latent> denoise)
    {
        TileGrid grid = TileGrid.Divide(image.Width, image.Height, tile, tile, overlap);
        int index = 0;
        return grid.Run(image.Pixels, 1, pixels => pipeline.Decode(denoise(new DiffusionImage(grid.TileWidth, grid.TileHeight, pixels), index++), Token).Pixels);
    }

    private void AssertRepeats(DiffusionImage image, params DiffusionImage[] given)
    {
        StageList stages = GenerationRecord.Read(GenerationRecord.Write(RecordedNames.Only(image.Info)))!.Stages!;
        ReplayImages images = new();
        foreach (DiffusionImage one in given)
            images.Add(one);
        StageReplay replay = new(Library, Use, images) { Device = Device.Auto };
        Assert.Empty(replay.Check(stages, Token));
        DiffusionImage again = replay.Run(stages, Token);
        Assert.Equal(image.Pixels, again.Pixels);
        Assert.Equal(image.Stages!.ToString(), again.Stages!.ToString());
    }
}
