using System.Text.Json;
using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>A denoising that goes on with a refiner, against diffusers' two pipelines and A1111's rule.</summary>
public sealed class RefinerTests(SharedModels models)
{
    private const double LatentTolerance = 2e-3;

    private static readonly JsonElement[] s_cases = [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("refiner", "refiner.json"))).RootElement.GetProperty("cases").EnumerateArray()];

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("refiner", "refiner.safetensors")));

    public static TheoryData<string> Runs => [.. s_cases.Where(static item => item.GetProperty("kind").GetString() == "refiner").Select(static item => item.GetProperty("id").GetString()!)];

    public static TheoryData<int> Switches => [.. Enumerable.Range(0, s_cases.Single(static item => item.GetProperty("kind").GetString() == "refiner_switch").GetProperty("rows").GetArrayLength())];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private DiffusionPipeline Base => new(models.Open(models.Large));

    private DiffusionPipeline Refiner => new(models.Open(models.ReferenceRefiner));

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_base_and_a_refiner_give_the_latents_of_diffusers(string id)
    {
        JsonElement item = s_cases.Single(item => item.GetProperty("id").GetString() == id);
        int steps = item.GetProperty("steps").GetInt32(), refinerSteps = item.GetProperty("refiner_steps").GetInt32();
        DenoiseOptions options = Options(item);
        TextToImage job = new(new TextToImageRequest { Options = options });
        DiffusionPipeline first = Base, refiner = Refiner;

        Latent stopped = job.Denoise(first, 0, cancellationToken: Cancellation);
        LatentCheck.AssertClose(Read(item, "after_base"), stopped, LatentTolerance);
        Latent byHand = refiner.Denoise(
            refiner.EncodePrompt(options.Prompt!, cancellationToken: Cancellation),
            refiner.EncodePrompt(options.NegativePrompt!, cancellationToken: Cancellation),
            stopped,
            refiner.Own(options) with { Steps = refinerSteps, GuidanceScale = item.GetProperty("refiner_guidance_scale").GetDouble(), DenoisingStart = item.GetProperty("denoising_start").GetDouble() },
            cancellationToken: Cancellation);
        LatentCheck.AssertClose(Read(item, "latent"), byHand, LatentTolerance);
        if (steps == refinerSteps && item.GetProperty("refiner_guidance_scale").GetDouble() == options.GuidanceScale)
            Assert.Equal(byHand.Tensor.Values, job.Refine(refiner, stopped, 0, cancellationToken: Cancellation).Tensor.Values);
    }

    [Theory]
    [MemberData(nameof(Switches))]
    public void The_refiner_begins_at_the_call_of_A1111(int row)
    {
        JsonElement item = s_cases.Single(static item => item.GetProperty("kind").GetString() == "refiner_switch").GetProperty("rows")[row];

        string schedule = item.GetProperty("schedule").GetString()!;
        DenoiseOptions options = new()
        {
            Scheduler = item.GetProperty("sampler").GetString() is "DDIM" ? "DDIM" : $"A1111 {item.GetProperty("sampler").GetString()}{(schedule == "Automatic" ? string.Empty : $" {schedule}")}",
            Steps = item.GetProperty("steps").GetInt32(),
            Refiner = "refiner",
            RefinerSwitchAt = item.GetProperty("switch_at").GetDouble(),
            RefinerSwitchBySteps = item.GetProperty("by_sample_steps").GetBoolean(),
            RefinerMode = "A1111",
        };
        Assert.Equal(item.GetProperty("first_refiner_call").GetInt32(), new DiffusionPipeline(models.Open(models.Demo)).HandOverStep(options, isFromImage: false));
    }

    [Theory]
    [InlineData(null, false, 16)]
    [InlineData("A1111", false, 16)]
    [InlineData("Exact", false, 32)]
    [InlineData("Exact", true, 36)]
    public void From_an_image_the_refiner_begins_where_the_rule_of_the_strength_has_it(string? rule, bool bySteps, int step)
    {
        // Of a schedule of 40 steps, 20 are run.
        DenoiseOptions options = new() { Prompt = "a red fox", Scheduler = "A1111 Euler", Steps = 20, Strength = 0.5, StrengthRule = rule, Refiner = "refiner", RefinerMode = "A1111", RefinerSwitchBySteps = bySteps ? true : null };
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Assert.Equal(step, pipeline.HandOverStep(options, isFromImage: true));

        options = options with { Steps = 4, Seed = 1, RefinerSwitchAt = 0.7 };
        StartImage start = pipeline.FitImage(new DiffusionImage(16, 16, new byte[16 * 16 * 3]));
        TextToImage job = new(new TextToImageRequest { Options = options, Start = start });
        Latent stopped = job.Denoise(pipeline, 0, cancellationToken: Cancellation);
        Assert.True(job.Refine(pipeline, stopped, 0, cancellationToken: Cancellation).IsComplete);
    }

    [Fact]
    public void Steps_are_counted_in_the_way_of_A1111_alone() => Assert.Equal(
        "RefinerSwitchBySteps",
        Assert.Throws<InvalidSettingException>(() => new DiffusionPipeline(models.Open(models.Demo)).HandOverStep(new DenoiseOptions { Refiner = "refiner", RefinerSwitchBySteps = true }, isFromImage: false)).Setting);

    [Fact]
    public void In_the_way_of_A1111_the_schedule_and_the_history_go_on()
    {
        DenoiseOptions options = Options(s_cases[0]) with { Scheduler = "A1111 DPM++ 2M Karras", SchedulerOptions = null, RefinerMode = "a1111", Prompt = "a red fox" };
        TextToImage job = new(new TextToImageRequest { Options = options });
        DiffusionPipeline first = Base, refiner = Refiner;
        Latent stopped = job.Denoise(first, 0, cancellationToken: Cancellation);
        Latent expected = refiner.Denoise(
            refiner.EncodePrompt("a red fox", cancellationToken: Cancellation), refiner.EncodePrompt(options.NegativePrompt!, cancellationToken: Cancellation), stopped, new DenoiseOptions { GuidanceScale = options.GuidanceScale }, cancellationToken: Cancellation);

        Latent refined = job.Refine(refiner, stopped, 0, cancellationToken: Cancellation);
        Assert.Equal(expected.Tensor.Values, refined.Tensor.Values);
        Assert.InRange(stopped.Step, 1, stopped.StepCount - 1);
        Assert.Equal(("A1111", 0.8), (refined.RefinerMode, refined.RefinerSwitchAt));
        Assert.NotEqual(expected.Tensor.Values, new TextToImage(new TextToImageRequest { Options = options with { RefinerMode = null } }).Refine(refiner, stopped, 0, cancellationToken: Cancellation).Tensor.Values);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("A1111")]
    public void The_record_has_both_models_and_the_text_those_of_A1111(string? mode)
    {
        DenoiseOptions options = Options(s_cases[0]) with { RefinerMode = mode, MicroConditioning = new MicroConditioning { AestheticScore = 7, TargetWidth = 96 } };
        TextToImage job = new(new TextToImageRequest { Options = options });
        DiffusionPipeline first = Base, refiner = Refiner;
        first.Check(options);
        DiffusionImage image = job.Make(first, refiner, 0, cancellationToken: Cancellation);

        Assert.Equal((models.Open(models.Large).Info.Name, "refiner", mode), (image.Model, image.Refiner, image.RefinerMode));
        Assert.Equal((7, 96), (image.AestheticScore, image.TargetWidth));
        Assert.Equal(["Denoise", "Denoise", "Decode"], image.Stages!.Select(static stage => stage.Operation));
        Assert.Equal(8L, image.Stages![0].Settings["StopStep"]);
        Assert.Equal(mode is null ? 0.8 : null, image.Stages[1].Settings.GetValueOrDefault("DenoisingStart"));
        Assert.Equal(models.Open(models.ReferenceRefiner).Info.Name, image.Stages[1].Text("Model"));
        Assert.Equal(image.Model, image.Stages[2].Text("Model"));
        Assert.All(image.Stages, static stage => Assert.False(stage.Settings.ContainsKey("Refiner")));

        string text = Infotext.Format(image.Info);
        Assert.Contains("Refiner: refiner, Refiner switch at: 0.8", text, StringComparison.Ordinal);
        Assert.Equal(mode is not null, text.Contains("Refiner mode: A1111", StringComparison.Ordinal));
        List<string> warnings = [];
        ImageMetadata read = InfotextMetadata.Read(text, hasGraph: false, warnings);
        Assert.Equal(("refiner", 0.8, mode), (read.Refiner, read.RefinerSwitchAt, read.RefinerMode));
        GenerationInfo recorded = GenerationRecord.Usable(GenerationRecord.Read(GenerationRecord.Write(image.Info))!, warnings);
        Assert.Equal(("refiner", 0.8, mode), (recorded.Refiner, recorded.RefinerSwitchAt, recorded.RefinerMode));
    }

    [Fact]
    public void LoRAs_are_those_of_the_first_model_and_stay_in_the_record()
    {
        DiffusionModel plain = models.Open(models.Sd1);
        using DiffusionModel adapted = new(plain, AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-peft.safetensors"), 0.8)]));
        DenoiseOptions options = new() { Prompt = "a red house", Seed = 1, Steps = 4, Width = 64, Height = 64, Refiner = "other", RefinerSwitchAt = 0.5 };
        DiffusionImage image = new TextToImage(new TextToImageRequest { Options = options }).Make(new DiffusionPipeline(adapted), new DiffusionPipeline(plain), 0, cancellationToken: Cancellation);

        Assert.NotNull(image.Lora);
        Assert.NotNull(image.Info.LoraHashes);
        Assert.NotNull(image.Stages![0].Text("Lora"));
        Assert.Null(image.Stages[1].Text("Lora"));
        Assert.Null(image.Stages[1].Input("Embedding")![0].Text("Lora"));
    }

    [Fact]
    public void A_text_of_A1111_names_its_refiner()
    {
        List<string> warnings = [];
        ImageMetadata read = InfotextMetadata.Read("a\nSteps: 20, Sampler: Euler, Seed: 1, Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.7, Version: v1.10.1", hasGraph: false, warnings);
        Assert.Equal(("sd_xl_refiner_1.0", 0.7, "A1111"), (read.Refiner, read.RefinerSwitchAt, read.RefinerMode));
        Assert.Empty(warnings);
        Assert.Throws<NotRepeatableException>(() => StableDiffusion.Replaying.FlatRecord.StagesOf(read.Info));
    }

    [Fact]
    public void What_leaves_no_step_or_does_not_fit_is_refused_before_any_work()
    {
        DenoiseOptions options = Options(s_cases[0]);
        foreach ((DenoiseOptions wrong, string setting) in new[]
        {
            (options with { RefinerSwitchAt = 0 }, "RefinerSwitchAt"),
            (options with { RefinerSwitchAt = 1 }, "RefinerSwitchAt"),
            (options with { RefinerSwitchAt = 0.001 }, "RefinerSwitchAt"),
            (options with { RefinerSwitchAt = 1.5 }, "RefinerSwitchAt"),
            (options with { RefinerMode = "Other" }, "RefinerMode"),
        })
        {
            Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => Base.Check(wrong)).Setting);
        }

        StartImage start = Base.FitImage(new DiffusionImage(64, 64, new byte[64 * 64 * 3], new GenerationInfo()));
        Base.Check(options with { Strength = 0.5 }, start);
        Assert.Equal("RefinerSwitchAt", Assert.Throws<InvalidSettingException>(() => Base.Check(options with { Strength = 0.2 }, start)).Setting);
        Assert.Equal("Refiner", Assert.Throws<InvalidSettingException>(() => new DiffusionPipeline(models.Open(models.Demo)).CheckRefines(Base)).Setting);
        Assert.Equal("Refiner", Assert.Throws<InvalidSettingException>(() => new DiffusionPipeline(models.Open(models.Inpainting)).CheckRefines(new DiffusionPipeline(models.Open(models.Sd1)))).Setting);

        Latent latent = new(new Tensor(1, 4, 8, 8), new GenerationInfo());
        foreach (DenoiseOptions wrong in new[] { new DenoiseOptions { DenoisingStart = 1 }, new DenoiseOptions { DenoisingStart = -1 }, new DenoiseOptions { DenoisingStart = 0.5, StartStep = 1 }, new DenoiseOptions { DenoisingStart = 0.5, Strength = 1 } })
            Assert.Equal("DenoisingStart", Assert.Throws<InvalidSettingException>(() => Refiner.Check(wrong, latent)).Setting);
        Assert.Equal("DenoisingStart", Assert.Throws<InvalidSettingException>(() => Refiner.Check(new DenoiseOptions { DenoisingStart = 0.5 })).Setting);
        Assert.Equal("Refiner", Assert.Throws<InvalidSettingException>(() => new TextToImage(new TextToImageRequest { Options = options }).Make(Base, 0, cancellationToken: Cancellation)).Setting);
    }

    private static Tensor Read(JsonElement item, string name) => s_tensors.Value.Read(item.GetProperty("tensors").GetProperty(name).GetString()!);

    private static DenoiseOptions Options(JsonElement item) => new()
    {
        Prompt = item.GetProperty("prompt").GetString(),
        NegativePrompt = item.GetProperty("negative_prompt").GetString(),
        Seed = item.GetProperty("seed").GetInt64(),
        Steps = item.GetProperty("steps").GetInt32(),
        Width = item.GetProperty("width").GetInt32(),
        Height = item.GetProperty("height").GetInt32(),
        GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
        Scheduler = item.GetProperty("scheduler").GetString(),
        SchedulerOptions = SchedulerOptionText.Write(DemoReference.SchedulerOptions(item.GetProperty("scheduler").GetString()!, item.GetProperty("scheduler_config"))),
        Refiner = "refiner",
        RefinerSwitchAt = item.GetProperty("denoising_end").GetDouble(),
        MicroConditioning = new MicroConditioning { AestheticScore = item.GetProperty("aesthetic_score").GetDouble(), NegativeAestheticScore = item.GetProperty("negative_aesthetic_score").GetDouble() },
    };
}
