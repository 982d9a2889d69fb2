using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Images in two passes, against A1111's Hires. fix.</summary>
public sealed class HiresTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("hires", "hires.safetensors")));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Cases => [.. Reference().Select(static item => item.GetProperty("id").GetString()!)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Two_passes_give_the_latent_that_A1111_gives(string id)
    {
        JsonElement item = Reference().Single(item => item.GetProperty("id").GetString() == id);
        string? second = Text("hr_sampler_name");
        TextToImage job = new(new TextToImageRequest
        {
            Options = new DenoiseOptions
            {
                Prompt = Text("prompt"),
                NegativePrompt = Text("negative_prompt"),
                Seed = item.GetProperty("seed").GetInt64(),
                Steps = Whole("steps"),
                GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
                Width = Whole("width"),
                Height = Whole("height"),
                Scheduler = Scheduler(Text("sampler_name")!, Text("scheduler")!),
                Hires = new HiresSettings
                {
                    HiresScale = item.TryGetProperty("hr_scale", out JsonElement scale) ? scale.GetDouble() : null,
                    HiresWidth = Whole("hr_resize_x"),
                    HiresHeight = Whole("hr_resize_y"),
                    HiresUpscaler = Text("hr_upscaler"),
                    HiresSteps = Whole("hr_second_pass_steps"),
                    HiresStrength = item.GetProperty("denoising_strength").GetDouble(),
                    HiresScheduler = second is null ? null : Scheduler(second, Text("hr_scheduler")!),
                    HiresPrompt = Text("hr_prompt"),
                    HiresNegativePrompt = Text("hr_negative_prompt"),
                },
            },
        });

        Latent latent = job.Denoise(demo.Pipeline, 0, cancellationToken: Cancellation);

        // An upscaler of images gets bytes, and the smallest difference may move one by 1.
        bool isOfImages = Text("hr_upscaler") == "Lanczos";
        LatentCheck.AssertClose(Expected("latent"), latent, isOfImages ? 5e-3 : 1e-3);
        DiffusionImage image = job.Decode(demo.Pipeline, latent, cancellationToken: Cancellation);
        Tensor expected = Expected("image");
        Assert.Equal([expected.Shape[0], expected.Shape[1]], [image.Height, image.Width]);
        double distance = image.Pixels.Zip(expected.Values).Average(static pair => Math.Abs(pair.First - pair.Second));
        Assert.InRange(distance, 0, 1);

        Tensor Expected(string name) => s_tensors.Value.Read(item.GetProperty("tensors").GetProperty(name).GetString()!);

        string? Text(string name) => item.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

        int? Whole(string name) => item.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : null;

        static string Scheduler(string sampler, string schedule) => $"A1111 {sampler}{(schedule == "Automatic" ? string.Empty : $" {schedule}")}";
    }

    [Fact]
    public void The_image_says_how_both_passes_were_made()
    {
        DiffusionImage image = Make(new HiresSettings { HiresScale = 1.5, HiresSteps = 2, HiresScheduler = "A1111 Euler a", HiresPrompt = "a blue fish" });
        Assert.Equal((96, 96, 64, 3), (image.Width, image.Height, image.Info.Width, image.Info.Steps));
        Assert.Equal(["Denoise", "ResizeLatent", "Denoise", "Decode"], image.Info.Stages!.Select(static stage => stage.Operation));
        string text = Infotext.Format(image.Info);
        foreach (string part in (string[])["Steps: 3,", "Size: 64x64,", "Denoising strength: 0.7,", "Hires upscale: 1.5,", "Hires upscaler: Latent,", "Hires steps: 2,", "Hires sampler: Euler a,", "Hires prompt: a blue fish"])
            Assert.Contains(part, text, StringComparison.Ordinal);
        List<string> warnings = [];
        GenerationInfo read = InfotextMetadata.Read(text, hasGraph: false, warnings).FullInfo;
        Assert.Empty(warnings);
        Assert.Equal(image.Info.Hires, read.Hires);
        Assert.Null(read.Strength);
    }

    [Fact]
    public void The_second_pass_of_A1111_is_read()
    {
        List<string> warnings = [];
        HiresSettings hires = InfotextMetadata.Read("a house\nSteps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, Denoising strength: 0.4, Hires resize: 0x1536, Hires steps: 8, Hires upscaler: Latent (nearest), Hires sampler: DPM++ 2M, Hires schedule type: Karras, Version: v1.10.1", hasGraph: false, warnings).FullInfo.Hires!;
        Assert.Equal(new HiresSettings { HiresHeight = 1536, HiresSteps = 8, HiresUpscaler = "Latent (nearest)", HiresStrength = 0.4, HiresScheduler = hires.HiresScheduler }, hires);
        Assert.Contains("DPM++ 2M Karras", hires.HiresScheduler, StringComparison.Ordinal);
        Assert.DoesNotContain(warnings, static warning => warning.Contains("Hires", StringComparison.Ordinal));
    }

    /// <summary>Anyone can write a path into an image.</summary>
    [Fact]
    public void The_upscaler_of_a_record_is_a_name()
    {
        GenerationInfo read = RecordedNames.Only(new GenerationInfo { Hires = new HiresSettings { HiresScale = 2, HiresUpscaler = "/etc/passwd" } });
        Assert.Equal(new HiresSettings { HiresScale = 2, HiresUpscaler = "passwd" }, read.Hires);
        Assert.Equal(new HiresSettings { HiresScale = 2 }, RecordedNames.Only(new GenerationInfo { Hires = new HiresSettings { HiresScale = 2 } }).Hires);
        Assert.Null(RecordedNames.Only(new GenerationInfo()).Hires);
    }

    [Theory]
    [InlineData("HiresScale", null, null, null, null)]
    [InlineData("HiresScale", 1.5, 96, null, null)]
    [InlineData("HiresScale", 1.0, null, null, null)]
    [InlineData("HiresScale", 1.05, null, null, null)]
    [InlineData("HiresScale", null, 32, null, null)]
    [InlineData("HiresSteps", 1.5, null, 600, 0.5)]
    [InlineData("HiresStrength", 1.5, null, null, 0.0)]
    public void Settings_that_make_no_second_pass_are_refused(string setting, double? scale, int? width, int? steps, double? strength)
    {
        HiresSettings hires = new() { HiresScale = scale, HiresWidth = width, HiresSteps = steps, HiresStrength = strength, HiresGuidanceScale = 3 };
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Check(new DenoiseOptions { Prompt = "a", Hires = hires })).Setting);
    }

    [Fact]
    public void A_size_beyond_the_memory_is_refused_before_the_first_pass()
    {
        Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Check(new DenoiseOptions { Prompt = "a", Width = 4096, Height = 4096, Hires = new HiresSettings { HiresScale = 16 } }));
        Assert.Equal("HiresUpscaler", Assert.Throws<InvalidSettingException>(() => Make(new HiresSettings { HiresScale = 2, HiresUpscaler = "Nothing" })).Setting);
        Assert.Throws<SchedulerNotFoundException>(() => demo.Pipeline.Check(new DenoiseOptions { Prompt = "a", Hires = new HiresSettings { HiresScale = 2, HiresScheduler = "none" } }));
    }

    private DiffusionImage Make(HiresSettings hires) =>
        new TextToImage(new TextToImageRequest { Options = new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 3, Scheduler = "A1111 Euler", Hires = hires } }).Make(demo.Pipeline, 0, cancellationToken: Cancellation);

    private static JsonElement[] Reference() =>
        [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("hires", "hires.json"))).RootElement.GetProperty("cases").EnumerateArray().Where(static item => item.GetProperty("kind").GetString() == "hires_fix")];
}
