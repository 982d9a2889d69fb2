using System.Security.Cryptography;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

public sealed class DenoiseTests(DemoModelFixture demo, SharedModels models) : IClassFixture<DemoModelFixture>
{
    private const string House = "a red house on the grass in daylight with the sun on the left";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Schedulers()
    {
        TheoryData<string> names = [];
        foreach (SchedulerInfo scheduler in SchedulerCatalog.All)
            names.Add(scheduler.Name);
        return names;
    }

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void Stopping_half_way_and_going_on_gives_the_same_latent(string scheduler)
    {
        // Without guidance a step takes half the time.
        DenoiseOptions options = new() { Seed = 7, Steps = 6, Scheduler = scheduler, GuidanceScale = 1 };
        DiffusionPipeline pipeline = new(models.Open(models.Thin));
        TextEmbedding embedding = pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        Latent whole = pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);

        Latent half = pipeline.Denoise(embedding, null, null, options with { StopStep = 3 }, cancellationToken: Cancellation);
        Latent first = pipeline.Denoise(embedding, null, half, new DenoiseOptions { GuidanceScale = 1 }, cancellationToken: Cancellation);
        Latent again = pipeline.Denoise(embedding, null, half, options with { StartStep = 3 }, cancellationToken: Cancellation);

        Assert.Equal((3, false), (half.Step, half.IsComplete));
        Assert.True(whole.IsComplete);
        Assert.Equal(whole.Info with { Stages = null }, first.Info with { Stages = null });
        Assert.Equal(whole.Tensor.Values, first.Tensor.Values);
        Assert.Equal(whole.Tensor.Values, again.Tensor.Values);
    }

    [Fact]
    public void Each_step_can_be_captured_and_continued()
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 5, Scheduler = "DPM++ 2M SDE Karras" };
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        List<Latent> captured = [];
        Latent whole = demo.Pipeline.Denoise(embedding, null, null, options, step => captured.Add(step.Capture()), Cancellation);

        Assert.Equal([1, 2, 3, 4, 5], captured.Select(latent => latent.Step));
        Assert.Equal(whole.Tensor.Values, captured[^1].Tensor.Values);
        Latent continued = demo.Pipeline.Denoise(embedding, null, captured[1], new DenoiseOptions(), cancellationToken: Cancellation);
        Assert.Equal(whole.Tensor.Values, continued.Tensor.Values);
    }

    [Fact]
    public void A_latent_that_was_stopped_refuses_another_scheduler()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        Latent half = demo.Pipeline.Denoise(embedding, null, null, new DenoiseOptions { Seed = 1, Steps = 4, StopStep = 2, Scheduler = "Euler" }, cancellationToken: Cancellation);

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => demo.Pipeline.Denoise(embedding, null, half, new DenoiseOptions { Scheduler = "DDIM" }, cancellationToken: Cancellation));

        Assert.Equal("Scheduler", error.Setting);
        Assert.Contains("Euler", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Guidance_that_starts_later_leaves_the_steps_before_to_the_prompt_alone()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 4, Scheduler = "Euler", GuidanceScale = 5 };

        Latent half = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceScale = 1, StopStep = 2 }, cancellationToken: Cancellation);
        Latent expected = demo.Pipeline.Denoise(embedding, null, half, options, cancellationToken: Cancellation);
        Latent actual = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceStart = 0.5 }, cancellationToken: Cancellation);
        Latent never = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceStart = 1 }, cancellationToken: Cancellation);
        Latent neutral = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceScale = 1 }, cancellationToken: Cancellation);

        Assert.Equal(expected.Tensor.Values, actual.Tensor.Values);
        Assert.Equal(neutral.Tensor.Values, never.Tensor.Values);
        Assert.Equal((0.5, null), (actual.GuidanceStart, expected.GuidanceStart));
        Assert.Contains("Guidance start: 0.5", Infotext.Format(actual.Info), StringComparison.Ordinal);
    }

    [Fact]
    public void Guidance_that_ends_earlier_leaves_the_steps_after_to_the_prompt_alone()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 10, Scheduler = "Euler", GuidanceScale = 5 };

        // As in the guiders of diffusers, 0.33 of 10 steps are 3.
        Latent guided = demo.Pipeline.Denoise(embedding, null, null, options with { StopStep = 3 }, cancellationToken: Cancellation);
        Latent expected = demo.Pipeline.Denoise(embedding, null, guided, options with { GuidanceScale = 1 }, cancellationToken: Cancellation);
        Latent actual = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceEnd = 0.33 }, cancellationToken: Cancellation);
        Latent always = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceEnd = 1 }, cancellationToken: Cancellation);

        Assert.Equal(expected.Tensor.Values, actual.Tensor.Values);
        Assert.Equal(demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation).Tensor.Values, always.Tensor.Values);
        Assert.Contains("Guidance end: 0.33", Infotext.Format(actual.Info), StringComparison.Ordinal);
        Assert.Equal(
            "GuidanceStart",
            Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceStart = 0.5, GuidanceEnd = 0.5 }, cancellationToken: Cancellation)).Setting);
    }

    [Theory]
    [InlineData("Euler", 4, 1.5, 4)]
    [InlineData("Heun", 4, 1.5, 4)]
    [InlineData("DDIM", 6, 0.6, 4)]
    [InlineData("DPM++ 2M Karras", 6, 0.6, 4)]
    [InlineData("A1111 DPM2", 4, 1, 4)]
    public void Guidance_on_an_interval_of_noise_levels_leaves_the_calls_outside_to_the_prompt_alone(string scheduler, int steps, double least, double most)
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        UNet unet = demo.Model.OpenUNet(null, Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = steps, Scheduler = scheduler, GuidanceScale = 5, GuidanceSigmaMin = least, GuidanceSigmaMax = most };
        DenoiseRequest request = demo.Pipeline.Prepare(embedding, null, null, options, unet, Cancellation).Request;
        List<double> guided = [], neutral = [];
        Latent actual = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);

        // The same loop, written down: the levels of diffusers' sigmas and of the alphas of its timesteps.
        DenoiseRow row = new(request, unet);
        using UNetInput input = unet.CreateInput(row.Sample.Shape[2], row.Sample.Shape[3], null);
        using UNetPrediction positive = unet.Bind(input, request.Positive.Parts[0].At(0), request.Positive.Sizes), negative = unet.Bind(input, request.Negative!.Parts[0].At(0), request.Negative.Sizes);
        for (int call = 0; call < row.Calls; call++)
        {
            row.Begin(call, input.Sample.Values);
            input.Upload(row.Timestep);
            double sigma = SigmaOf(row.Timestep);
            float[] prediction = [.. positive.Run(call, Cancellation)];
            bool isInside = least < sigma && sigma <= most;
            (isInside ? guided : neutral).Add(sigma);
            if (isInside)
            {
                ReadOnlySpan<float> other = negative.Run(call, Cancellation);
                for (int i = 0; i < prediction.Length; i++)
                    prediction[i] = other[i] + 5 * (prediction[i] - other[i]);
            }

            row.Advance(prediction);
        }

        LatentCheck.AssertClose(row.Finish(), actual, 1e-4);
        Assert.NotEmpty(guided);
        Assert.Contains(neutral, sigma => sigma > most);
        Assert.Contains(neutral, sigma => sigma <= least);
        Assert.Equal((least, most), (actual.GuidanceSigmaMin, actual.GuidanceSigmaMax));
    }

    [Fact]
    public void An_interval_of_all_noise_levels_changes_nothing_and_an_empty_one_is_refused()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 3, Scheduler = "Euler", GuidanceScale = 5 };

        Latent full = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);
        Latent all = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceSigmaMin = 0, GuidanceSigmaMax = 1000 }, cancellationToken: Cancellation);
        Latent neutral = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceScale = 1 }, cancellationToken: Cancellation);
        Latent never = demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceSigmaMin = 100 }, cancellationToken: Cancellation);

        Assert.Equal(full.Tensor.Values, all.Tensor.Values);
        Assert.Equal(neutral.Tensor.Values, never.Tensor.Values);
        Assert.Equal(
            "GuidanceSigmaMin",
            Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Denoise(embedding, null, null, options with { GuidanceSigmaMin = 2, GuidanceSigmaMax = 2 }, cancellationToken: Cancellation)).Setting);
    }

    [Fact]
    public void The_lowest_noise_level_of_guidance_is_the_setting_of_A1111_that_is_for_all_steps()
    {
        GenerationInfo info = new() { Prompt = "a", Seed = 1, Steps = 20, Scheduler = "Euler", GuidanceScale = 7, GuidanceSigmaMin = 0.28, GuidanceSigmaMax = 5.42 };
        string text = Infotext.Format(info);

        Assert.Contains("NGMS: 0.28, NGMS all steps: True", text, StringComparison.Ordinal);
        ImageMetadata own = InfotextMetadata.Read(text, hasGraph: false, []);
        Assert.Equal((0.28, 5.42), (own.Info.GuidanceSigmaMin, own.Info.GuidanceSigmaMax));

        List<string> warnings = [];
        Assert.Equal(0.2, InfotextMetadata.Read("p\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 64x64, NGMS: 0.2, NGMS all steps: True, Version: v1.10.1", hasGraph: false, warnings).Info.GuidanceSigmaMin);
        Assert.Empty(warnings);

        // Otherwise it is for every second step, which there is no setting for.
        Assert.Null(InfotextMetadata.Read("p\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 64x64, NGMS: 0.2, Version: v1.10.1", hasGraph: false, warnings).Info.GuidanceSigmaMin);
        Assert.Contains("NGMS: 0.2", Assert.Single(warnings), StringComparison.Ordinal);
    }

    // The noise schedule of Stable Diffusion, between whose whole timesteps the logarithm of sigma is linear.
    private static double SigmaOf(float timestep)
    {
        double alpha = 1;
        double[] logs = new double[1000];
        for (int i = 0; i < 1000; i++)
        {
            double root = Math.Sqrt(0.00085) + (Math.Sqrt(0.012) - Math.Sqrt(0.00085)) * i / 999;
            alpha *= 1 - root * root;
            logs[i] = Math.Log((1 - alpha) / alpha) / 2;
        }

        int lower = Math.Min((int)timestep, 998);
        return Math.Exp(logs[lower] + (timestep - lower) * (logs[lower + 1] - logs[lower]));
    }

    [Fact]
    public void A_seed_that_is_not_given_is_drawn_and_kept_with_the_latent()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Steps = 2, GuidanceScale = 1 };

        Latent drawn = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);
        Latent again = demo.Pipeline.Denoise(embedding, null, null, options with { Seed = drawn.Seed }, cancellationToken: Cancellation);

        Assert.InRange(drawn.Seed!.Value, 0, uint.MaxValue);
        Assert.Equal(drawn.Tensor.Values, again.Tensor.Values);
    }

    [Fact]
    public void A_seed_of_minus_one_is_drawn_and_kept_with_the_latent()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Steps = 2, GuidanceScale = 1, Seed = -1, VariationSeed = -1, VariationStrength = 0.5 };

        Latent drawn = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);
        Latent again = demo.Pipeline.Denoise(embedding, null, null, options with { Seed = drawn.Seed, VariationSeed = drawn.VariationSeed }, cancellationToken: Cancellation);
        DenoiseOptions of = new TextToImage(new TextToImageRequest { Options = options with { Prompt = House }, Count = 2 }).OptionsOf(1);

        Assert.All([drawn.Seed, drawn.VariationSeed, of.Seed, of.VariationSeed], seed => Assert.InRange(seed!.Value, 0, uint.MaxValue + 1L));
        Assert.Equal(drawn.Tensor.Values, again.Tensor.Values);
    }

    [Fact]
    public void A_seed_of_minus_one_for_a_latent_is_another_one_and_for_a_stopped_one_its_own()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DiffusionImage picture = ImageFile.Read(Repository.Data("images", "scene.png"));
        DenoiseOptions any = new() { Steps = 2, GuidanceScale = 1, Seed = -1 };

        Latent encoded = demo.Pipeline.EncodeImage(picture, seed: -1, cancellationToken: Cancellation);
        Latent same = demo.Pipeline.EncodeImage(picture, encoded.Seed, cancellationToken: Cancellation);
        Latent other = demo.Pipeline.Denoise(embedding, null, encoded, any, cancellationToken: Cancellation);
        Latent half = demo.Pipeline.Denoise(embedding, null, null, any with { Seed = 5, StopStep = 1 }, cancellationToken: Cancellation);
        Latent whole = demo.Pipeline.Denoise(embedding, null, half, any, cancellationToken: Cancellation);

        Assert.InRange(encoded.Seed!.Value, 0, uint.MaxValue);
        Assert.Equal(encoded.Tensor.Values, same.Tensor.Values);
        Assert.NotEqual(encoded.Seed, other.Seed);
        Assert.Equal(5, whole.Seed);
    }

    [Theory]
    [InlineData("Width", 60)]
    [InlineData("Width", 0)]
    [InlineData("Height", -8)]
    [InlineData("Height", 8200)]
    [InlineData("Steps", 0)]
    [InlineData("Steps", 1001)]
    [InlineData("Seed", -2)]
    [InlineData("GuidanceScale", 101)]
    [InlineData("GuidanceRescale", 2)]
    [InlineData("GuidanceStart", 2)]
    [InlineData("GuidanceEnd", 0)]
    [InlineData("GuidanceSigmaMin", -1)]
    [InlineData("GuidanceSigmaMax", 0)]
    [InlineData("StopStep", 9)]
    [InlineData("StopStep", 0)]
    [InlineData("StartStep", 2)]
    [InlineData("Strength", 1)]
    public void A_setting_out_of_its_range_is_refused_by_name(string setting, int value)
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 2 };
        options = setting switch
        {
            "Width" => options with { Width = value },
            "Height" => options with { Height = value },
            "Steps" => options with { Steps = value },
            "Seed" => options with { Seed = value },
            "GuidanceScale" => options with { GuidanceScale = value },
            "GuidanceRescale" => options with { GuidanceRescale = value },
            "GuidanceStart" => options with { GuidanceStart = value },
            "GuidanceEnd" => options with { GuidanceEnd = value },
            "GuidanceSigmaMin" => options with { GuidanceSigmaMin = value },
            "GuidanceSigmaMax" => options with { GuidanceSigmaMax = value },
            "StopStep" => options with { StopStep = value },
            "StartStep" => options with { StartStep = value },
            _ => options with { Strength = value },
        };
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation));

        Assert.Equal(setting, error.Setting);
    }

    [Fact]
    public void Sizes_of_any_multiple_of_8_can_be_made_and_the_picture_names_its_model_by_hash()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 1, Width = 72, Height = 40 };

        DiffusionImage picture = demo.Pipeline.Decode(demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation), Cancellation);

        Assert.Equal((72, 40), (picture.Width, picture.Height));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Repository.DemoModel, "unet", "diffusion_pytorch_model.safetensors"))))[..10], picture.Info.ModelHash);
    }

    [Fact]
    public void A_latent_of_another_shape_is_refused()
    {
        Latent latent = new(new Tensor(1, 3, 8, 8), new GenerationInfo { Width = 64, Height = 64 });
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);

        Assert.Throws<ShapeMismatchException>(() => demo.Pipeline.Denoise(embedding, null, latent, new DenoiseOptions { Seed = 1 }, cancellationToken: Cancellation));
        Assert.Throws<ShapeMismatchException>(() => demo.Pipeline.Decode(latent, Cancellation));
    }

    [Fact]
    public void A_latent_with_NaN_is_refused()
    {
        Tensor tensor = new(1, 4, 8, 8);
        tensor.Values[17] = float.NaN;

        Assert.Throws<NotFiniteException>(() => new Latent(tensor, new GenerationInfo()));
    }

    [Fact]
    public void Cancelling_stops_within_the_run()
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        int steps = 0;

        Assert.ThrowsAny<OperationCanceledException>(() => demo.Pipeline.Denoise(
            embedding,
            null,
            null,
            new DenoiseOptions { Seed = 1, Steps = 500 },
            _ =>
            {
                if (++steps == 2)
                    source.Cancel();
            },
            source.Token));

        Assert.Equal(2, steps);
    }

    [Fact]
    public void Guidance_of_one_or_less_takes_the_prompt_alone()
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        TextEmbedding negative = demo.Pipeline.EncodePrompt("a black cat", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 2, GuidanceScale = 1 };

        Latent with = demo.Pipeline.Denoise(embedding, negative, null, options, cancellationToken: Cancellation);
        Latent without = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);

        Assert.Equal(without.Tensor.Values, with.Tensor.Values);
    }
}
