using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Masks;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Image-to-image and inpainting, against what A1111, diffusers and ComfyUI made with the demo model.</summary>
public sealed class InpaintReferenceTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private const string A1111 = "masking";
    private const string Soft = "soft-inpainting";
    private const string Diffusers = "img2img";
    private const string Comfy = "regions";
    private const double LatentTolerance = 1e-3;
    private const double FunctionTolerance = 1e-4;

    // One level of a byte, and the rounding of single precision.
    private const double GrayTolerance = 1.001 / 255;

    public static TheoryData<string> A1111Cases => MaskingReference.Ids(A1111, "img2img");

    public static TheoryData<string> SoftFunctions => MaskingReference.Ids(Soft, "functions");

    public static TheoryData<string> SoftCases => MaskingReference.Ids(Soft, "img2img");

    public static TheoryData<string> ComfyCases => MaskingReference.Ids(Comfy, "comfy_inpaint");

    public static TheoryData<string> DiffusersCases => [.. MaskingReference.Ids(Diffusers, "img2img").Concat(MaskingReference.Ids(Diffusers, "inpaint")).Select(static row => row.Data)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_steps_of_a_strength_are_those_of_A1111()
    {
        int rows = 0;
        foreach (JsonElement row in MaskingReference.Find(A1111, "steps").GetProperty("rows").EnumerateArray())
        {
            double strength = row.GetProperty("strength").GetDouble();
            if (strength == 0)
                continue;

            StrengthRule rule = row.GetProperty("exact_steps").GetBoolean() ? StrengthRule.Exact : StrengthRule.A1111;
            int steps = row.GetProperty("steps").GetInt32(), schedule = StrengthSteps.OfSchedule(steps, strength, rule);
            Assert.Equal(row.GetProperty("schedule_steps").GetInt32(), schedule);
            foreach (string name in (string[])["A1111 DPM++ 2M Karras", "DPM++ 2M Karras", "Euler", "DDIM", "A1111 Heun"])
            {
                Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find(name), SchedulerConfig.Empty, schedule);
                int first = StrengthSteps.FirstCall(scheduler, strength, rule, steps);
                Assert.Equal(row.GetProperty("model_calls").GetInt32(), scheduler.CountSteps(scheduler.Timesteps.Count) - scheduler.CountSteps(first));
            }

            if (row.GetProperty("t_enc").GetInt32() > 0)
                CheckDdim(row, SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 DDIM"), SchedulerConfig.Empty, schedule), strength, rule, steps);
            Scheduler karras = SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 DPM++ 2M Karras"), demo.Model.SchedulerConfig, schedule);
            float[] sigmas = [.. row.GetProperty("karras_sigmas").EnumerateArray().Select(static sigma => sigma.GetSingle())];
            Assert.All(sigmas.Zip(karras.Sigmas.Skip(StrengthSteps.FirstCall(karras, strength, rule, steps))), static pair => Assert.Equal(pair.First, pair.Second, pair.First * 1e-4));
            rows++;
        }

        Assert.InRange(rows, 10, 1000);
    }

    [Theory]
    [InlineData("A1111 Euler", 0.5, 10)]
    [InlineData("A1111 Euler", 0.04, 0)]
    [InlineData("Euler", 0.5, 10)]
    [InlineData("A1111 Heun", 1, 20)]
    public void The_steps_of_a_strength_can_be_those_of_diffusers_for_any_scheduler(string name, double strength, int steps)
    {
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find(name), SchedulerConfig.Empty, 20);
        int first = StrengthSteps.FirstCall(scheduler, strength, StrengthRule.Diffusers, 20);
        Assert.Equal(steps, 20 - scheduler.CountSteps(first));
    }

    [Theory]
    [MemberData(nameof(A1111Cases))]
    public void An_image_is_made_from_another_one_as_in_A1111(string id)
    {
        Check(A1111, MaskingReference.Find(A1111, id), InpaintMode.A1111);
    }

    [Fact]
    public void An_image_is_made_from_noise_by_the_DDIM_of_A1111()
    {
        JsonElement item = MaskingReference.Find(A1111, "ddim-0");
        DenoiseOptions options = OptionsOf(item) with { Scheduler = "A1111 DDIM", Width = item.GetProperty("width").GetInt32(), Height = item.GetProperty("height").GetInt32() };
        Latent latent = demo.Pipeline.Denoise(Encode(item.GetProperty("prompt").GetString()!), Encode(item.GetProperty("negative_prompt").GetString()!), null, options, cancellationToken: Cancellation);
        LatentCheck.AssertClose(MaskingReference.Read(A1111, item, "latent"), latent, LatentTolerance);
    }

    [Fact]
    public void A_gray_mask_of_the_latent_is_that_of_A1111()
    {
        JsonElement item = MaskingReference.Find(A1111, "whole-10");
        Tensor soft = InpaintMask.ToLatent(MaskingReference.Mask(A1111, item), 8, 8, InpaintMode.Soft);
        Assert.All(MaskingReference.Read(A1111, item, "latent_mask").Values.Zip(soft.Values), static pair => Assert.Equal(pair.First, pair.Second, GrayTolerance));
    }

    [Theory]
    [MemberData(nameof(SoftCases))]
    public void Soft_inpainting_is_that_of_A1111(string id)
    {
        Check(Soft, MaskingReference.Find(Soft, id), InpaintMode.Soft);
    }

    [Theory]
    [MemberData(nameof(SoftFunctions))]
    public void Soft_blending_is_that_of_A1111(string id)
    {
        JsonElement item = MaskingReference.Find(Soft, id);
        SoftInpainting soft = SoftOf(item);
        Tensor mask = MaskingReference.Read(Soft, item, "latent_mask"), source = MaskingReference.Read(Soft, item, "source"), current = MaskingReference.Read(Soft, item, "current");
        float[] modified = new float[mask.Length];
        soft.Modify(mask.Span, item.GetProperty("sigma").GetDouble(), modified);
        AssertClose(MaskingReference.Read(Soft, item, "modified_mask"), modified);
        soft.Blend(source.Span, current.Span, modified);
        AssertClose(MaskingReference.Read(Soft, item, "blended"), current.Values);
    }

    [Theory]
    [MemberData(nameof(SoftFunctions))]
    public void The_differences_that_soft_inpainting_pastes_back_by_are_those_of_A1111(string id)
    {
        JsonElement item = MaskingReference.Find(Soft, id);
        Tensor current = MaskingReference.Read(Soft, item, "current"), distance = MaskingReference.Read(Soft, item, "distance");
        int width = distance.Shape[^1];
        AssertClose(MaskingReference.Read(Soft, item, "kernel"), [.. AdaptiveMask.Kernel.Select(static weight => (float)weight)]);
        AssertClose(distance, AdaptiveMask.Distances(MaskingReference.Read(Soft, item, "source"), current));
        float[] once = AdaptiveMask.Filter(distance.Values, width, 0.9, 1);
        AssertClose(MaskingReference.Read(Soft, item, "filtered_once"), once);
        AssertClose(MaskingReference.Read(Soft, item, "filtered_twice"), AdaptiveMask.Filter(once, width, 0.25, 0.75));
    }

    [Theory]
    [MemberData(nameof(DiffusersCases))]
    public void An_image_is_made_from_another_one_as_in_diffusers(string id)
    {
        JsonElement item = MaskingReference.Find(Diffusers, id);
        bool hasMask = item.GetProperty("tensors").TryGetProperty("mask", out _);
        (string className, IReadOnlyDictionary<string, object?> schedulerOptions) = DemoReference.Scheduler(item.GetProperty("scheduler").GetString()!);
        DenoiseOptions options = OptionsOf(item) with
        {
            Strength = item.GetProperty("strength").GetDouble(),
            Scheduler = className,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            MaskedOnly = item.TryGetProperty("padding_mask_crop", out JsonElement padding) ? true : null,
            MaskPadding = padding.ValueKind == JsonValueKind.Number ? padding.GetInt32() : null,
        };
        StartImage start = demo.Pipeline.FitImage(MaskingReference.Image(Diffusers, item, "source"), hasMask ? MaskingReference.Mask(Diffusers, item) : null, item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), ResizeMode.Crop, options);
        Latent encoded = demo.Pipeline.EncodeImage(start, options.Seed, cancellationToken: Cancellation);
        Latent latent = Denoise(item, encoded, options with { Mask = start.Mask });
        if (item.GetProperty("tensors").TryGetProperty("latent", out _))
        {
            LatentCheck.AssertClose(MaskingReference.Read(Diffusers, item, "latent"), latent, LatentTolerance);
            return;
        }

        DiffusionImage image = start.Complete(demo.Pipeline.Decode(latent, Cancellation));
        DiffusionImage expected = MaskingReference.Image(Diffusers, item, "image");
        double difference = MaskingReference.MeanDifference(expected.Pixels, image.Pixels);
        Assert.True(difference < 1, $"The image differs by {difference} of 255 on average.");
    }

    [Theory]
    [MemberData(nameof(ComfyCases))]
    public void Inpainting_and_differential_diffusion_are_those_of_ComfyUI(string id)
    {
        JsonElement item = MaskingReference.Find(Comfy, id);
        Tensor encoded = MaskingReference.Read(Comfy, item, "encoded"), mask = MaskingReference.Read(Comfy, item, "mask");
        ComfyEuler scheduler = new(MaskingReference.Read(Comfy, item, "sigmas").Values, demo.Model.SchedulerConfig);
        Tensor noise = new([.. encoded.Shape]);
        LatentNoise.CreateGenerator(item.GetProperty("seed").GetInt64(), RandomSource.TorchCpu).Fill(noise.Span, 0, 0);
        Tensor sample = noise.Clone();
        bool isWhole = item.GetProperty("denoise").GetDouble() == 1;
        VectorMath.Scale(sample.Span, isWhole ? Math.Sqrt(1 + (scheduler.Sigmas[0] * scheduler.Sigmas[0])) : scheduler.Sigmas[0]);
        VectorMath.Add(sample.Span, encoded.Span, 1);
        JsonElement strength = item.GetProperty("differential");
        bool isDifferential = strength.ValueKind == JsonValueKind.Number;
        GenerationSettings settings = new() { InpaintMode = (isDifferential ? InpaintMode.Differential : InpaintMode.ComfyUI).ToString(), DifferentialStrength = isDifferential ? strength.GetDouble() : null };
        Inpainting inpainting = new(encoded, noise, new Tensor(mask.Values, 1, 1, mask.Shape[^2], mask.Shape[^1]), settings);

        using IDisposable use = demo.Model.Use(ModelPart.UNet);
        UNet unet = demo.Model.OpenUNet(null, Cancellation);
        DenoiseRequest request = new()
        {
            Sample = sample,
            Positive = Plain(Encode(item.GetProperty("prompt").GetString()!)),
            Negative = Plain(Encode(item.GetProperty("negative_prompt").GetString()!)),
            Scheduler = scheduler,
            Noise = LatentNoise.CreateGenerator(0, RandomSource.TorchCpu),
            Settings = new GenerationInfo { GuidanceScale = item.GetProperty("cfg").GetDouble(), Steps = item.GetProperty("steps").GetInt32() },
            NextCall = 0,
            StopCall = item.GetProperty("steps").GetInt32(),
            Inpainting = inpainting,
        };
        Latent latent = new(new Denoiser(unet).Run(request, null, Cancellation), new GenerationInfo());
        LatentCheck.AssertClose(MaskingReference.Read(Comfy, item, "latent"), latent, LatentTolerance);

        Conditioning Plain(TextEmbedding embedding) => PromptConditioning.OfPrompt((texts, options) => demo.Model.OpenTextEncoder(null, Cancellation).EncodeTogether(texts, options, Cancellation), embedding, 1) with { Sizes = TimeIds.Of(demo.Model.Family, new GenerationInfo { Width = item.GetProperty("width").GetInt32(), Height = item.GetProperty("height").GetInt32() }, isNegative: false) };
    }

    private void Check(string file, JsonElement item, InpaintMode mode)
    {
        bool hasMask = item.GetProperty("tensors").TryGetProperty("mask", out _);
        string sampler = item.GetProperty("sampler_name").GetString()!, schedule = item.GetProperty("scheduler").GetString()!;
        DenoiseOptions options = OptionsOf(item) with
        {
            Strength = item.GetProperty("denoising_strength").GetDouble(),
            Scheduler = $"A1111 {sampler}{(schedule == "Automatic" ? string.Empty : " " + schedule)}",
            StrengthRule = item.TryGetProperty("options", out _) ? nameof(StrengthRule.Exact) : nameof(StrengthRule.A1111),
            InpaintMode = mode.ToString(),
            NoMaskRounding = item.TryGetProperty("mask_round", out JsonElement rounds) ? !rounds.GetBoolean() : null,
            SoftScheduleBias = Real(item, "mask_blend_power"),
            SoftPreservationStrength = Real(item, "mask_blend_scale"),
            SoftContrastBoost = Real(item, "inpaint_detail_preservation"),
            SoftMaskInfluence = Real(item, "composite_mask_influence"),
            SoftDifferenceThreshold = Real(item, "composite_difference_threshold"),
            SoftDifferenceContrast = Real(item, "composite_difference_contrast"),
            MaskBlur = Number(item, "mask_blur"),
            MaskInvert = Number(item, "inpainting_mask_invert") == 1,
            MaskFill = (Text(item, "masked_content") switch { "fill" => MaskFill.Fill, "latent noise" => MaskFill.Noise, "latent nothing" => MaskFill.Nothing, _ => MaskFill.Original }).ToString(),
            MaskedOnly = item.TryGetProperty("inpaint_full_res", out JsonElement isOnly) && isOnly.GetBoolean(),
            MaskPadding = Number(item, "inpaint_full_res_padding"),
        };
        StartImage start = demo.Pipeline.FitImage(
            MaskingReference.Image(file, item, "source"), hasMask ? MaskingReference.Mask(file, item) : null, item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), ResizeMode.Stretch, options);
        if (item.GetProperty("tensors").TryGetProperty("encoded_image", out _))
            Assert.InRange(MaskingReference.Difference(MaskingReference.Image(file, item, "encoded_image").Pixels, start.Image.Pixels), 0, 2);
        if (hasMask)
        {
            Tensor latentMask = MaskingReference.Read(file, item, "latent_mask");
            Tensor ours = InpaintMask.ToLatent(start.Mask!, latentMask.Shape[1], latentMask.Shape[0], mode, options.NoMaskRounding != true);
            Assert.All(latentMask.Values.Zip(ours.Values), pair => Assert.Equal(pair.First, pair.Second, mode == InpaintMode.Soft || options.NoMaskRounding == true ? GrayTolerance : 0));
        }

        Latent encoded = demo.Pipeline.EncodeImage(start, cancellationToken: Cancellation);
        Latent latent = Denoise(item, encoded, options with { Mask = start.Mask });
        LatentCheck.AssertClose(MaskingReference.Read(file, item, "latent"), latent, LatentTolerance);
        DiffusionImage decoded = demo.Pipeline.Decode(latent, new VaeOptions { Rounding = ByteRounding.Down }, Cancellation), image = start.Complete(decoded), wanted = MaskingReference.Image(file, item, "image");
        if (mode == InpaintMode.Soft && options.MaskedOnly != true)
            Assert.InRange(MaskingReference.Difference(MaskingReference.Mask(file, item, "overlay_mask").Pixels, decoded.Overlay!.Pixels), 0, 1);
        double difference = MaskingReference.MeanDifference(wanted.Pixels, image.Pixels);
        Assert.True(difference < 1, $"The image differs by {difference} of 255 on average.");
    }

    // A1111 leaves out the first of its timesteps, and begins with noise of the one after the last.
    private static void CheckDdim(JsonElement row, Scheduler scheduler, double strength, StrengthRule rule, int steps)
    {
        int first = StrengthSteps.FirstCall(scheduler, strength, rule, steps);
        Assert.Equal(row.GetProperty("ddim_timesteps").EnumerateArray().Select(static timestep => timestep.GetSingle()).Skip(1), scheduler.Timesteps.Skip(first).Reverse());
        float[] noised = new float[1], level = new float[1];
        scheduler.AddStartNoise([1], [0], first, noised);
        scheduler.AddNoise([1], [0], scheduler.Timesteps.ToList().IndexOf(row.GetProperty("ddim_start_timestep").GetSingle()), level);
        Assert.Equal(level, noised);
    }

    private static SoftInpainting SoftOf(JsonElement item) => new()
    {
        Power = item.GetProperty("mask_blend_power").GetDouble(),
        Scale = item.GetProperty("mask_blend_scale").GetDouble(),
        Contrast = item.GetProperty("inpaint_detail_preservation").GetDouble(),
    };

    private static void AssertClose(Tensor expected, float[] actual)
    {
        double magnitude = expected.Values.Average(static value => Math.Abs((double)value));
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Values.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, FunctionTolerance * magnitude));
    }

    private static DenoiseOptions OptionsOf(JsonElement item) => new()
    {
        Seed = item.GetProperty("seed").GetInt64(),
        Steps = item.GetProperty("steps").GetInt32(),
        GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
    };

    private Latent Denoise(JsonElement item, Latent start, DenoiseOptions options) => demo.Pipeline.Denoise(
        Encode(item.GetProperty("prompt").GetString()!), Encode(item.GetProperty("negative_prompt").GetString()!), start, options, cancellationToken: Cancellation);

    private TextEmbedding Encode(string prompt) => demo.Pipeline.EncodePrompt(prompt, cancellationToken: Cancellation);

    private static int? Number(JsonElement item, string name) => item.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : null;

    private static double? Real(JsonElement item, string name) => item.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : null;

    private static string? Text(JsonElement item, string name) => item.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
}
