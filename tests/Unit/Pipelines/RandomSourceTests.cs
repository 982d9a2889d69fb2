using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

public sealed class RandomSourceTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private const int Length = 4 * 8 * 8;
    private const string House = "a red house on the grass in daylight with the sun on the left";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<long, string> Starts()
    {
        TheoryData<long, string> starts = [];
        foreach (JsonElement reference in References())
            starts.Add(reference.GetProperty("seed").GetInt64(), reference.GetProperty("kind").GetString()!);
        return starts;
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void The_first_sample_is_the_noise_of_torch(long seed, string kind)
    {
        JsonElement reference = References().Single(item => item.GetProperty("seed").GetInt64() == seed && item.GetProperty("kind").GetString() == kind);
        RandomSource source = kind == "philox" ? RandomSource.Cuda : RandomSource.TorchCpu;
        (DenoiseState state, float[] sample, GenerationInfo info) = Start(seed, new DenoiseOptions { RandomSource = source.ToString() }, "Euler");

        double scale = state.Scheduler.InitNoiseSigma;
        double[] first = [.. reference.GetProperty("first").EnumerateArray().Select(value => value.GetDouble())];
        for (int i = 0; i < first.Length; i++)
            Assert.InRange(sample[i] / scale, first[i] - 2e-6, first[i] + 2e-6);
        Assert.Equal(source == RandomSource.Cuda ? "Cuda" : null, info.RandomSource);
    }

    [Theory]
    [InlineData(RandomSource.TorchCpu)]
    [InlineData(RandomSource.Cuda)]
    public void A_variation_goes_from_the_seed_alone_to_the_variation_seed_alone(RandomSource source)
    {
        DenoiseOptions options = new() { RandomSource = source.ToString() };
        DenoiseOptions varied = options with { VariationSeed = 2 };
        float[] from = Start(1, options).Sample;
        float[] to = Start(2, options).Sample;

        (_, float[] none, GenerationInfo info) = Start(1, varied with { VariationStrength = 0 });
        Assert.Equal(from, none);
        Assert.Equal((null, null), (info.VariationSeed, info.VariationStrength));

        (_, float[] whole, info) = Start(1, varied with { VariationStrength = 1 });
        Assert.Equal(to, whole);
        Assert.Equal((2L, 1.0), (info.VariationSeed, info.VariationStrength));

        float[] half = Start(1, varied with { VariationStrength = 0.5 }).Sample;
        Assert.NotEqual(from, half);
        Assert.NotEqual(to, half);
    }

    [Fact]
    public void A_variation_seed_that_is_not_given_is_drawn_and_kept()
    {
        (_, float[] sample, GenerationInfo info) = Start(1, new DenoiseOptions { VariationStrength = 0.5 });
        Assert.InRange(info.VariationSeed!.Value, 0, uint.MaxValue);
        Assert.Equal(sample, Start(1, new DenoiseOptions { VariationStrength = 0.5, VariationSeed = info.VariationSeed }).Sample);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31337)]
    [InlineData(-3)]
    public void The_steps_go_on_with_the_start_noise_unless_they_have_a_seed_of_their_own(long delta)
    {
        foreach (RandomSource source in Enum.GetValues<RandomSource>())
        {
            (DenoiseState state, float[] sample, GenerationInfo info) = Start(1, new DenoiseOptions { RandomSource = source.ToString(), EtaNoiseSeedDelta = delta }, "Euler a");
            float[] actual = Draw(state.Noise);

            INoiseSource expected = LatentNoise.CreateGenerator(1, source);
            float[] next = Draw(expected);
            Assert.Equal(next[0] * state.Scheduler.InitNoiseSigma, sample[0]);
            if (delta != 0)
                expected = LatentNoise.CreateGenerator(1 + delta, source);
            Assert.Equal(Draw(expected), actual);
            Assert.Equal(delta == 0 ? null : delta, info.EtaNoiseSeedDelta);
        }
    }

    [Theory]
    [InlineData("Euler a", true)]
    [InlineData("Euler", false)]
    public void A_seed_of_the_steps_own_changes_stochastic_schedulers_alone(string scheduler, bool changes)
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 2, Scheduler = scheduler, GuidanceScale = 1 };
        float[] without = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation).Tensor.Values;
        float[] with = demo.Pipeline.Denoise(embedding, null, null, options with { EtaNoiseSeedDelta = 1 }, cancellationToken: Cancellation).Tensor.Values;

        Assert.Equal(changes, !without.AsSpan().SequenceEqual(with));
    }

    [Fact]
    public void A_seed_resize_to_the_own_size_changes_nothing_and_another_one_keeps_the_middle()
    {
        DenoiseOptions own = new() { SeedResizeWidth = 64, SeedResizeHeight = 64 };
        float[] sample = Start(1, new DenoiseOptions()).Sample;
        Assert.Equal(sample, Start(1, own).Sample);

        (_, float[] wide, GenerationInfo info) = Start(1, own, width: 96);
        Assert.Equal((64, 64, 96), (info.SeedResizeWidth, info.SeedResizeHeight, info.Width));
        for (int row = 0; row < 4 * 8; row++)
            Assert.Equal(sample[(row * 8)..((row + 1) * 8)], wide[((row * 12) + 2)..((row * 12) + 10)]);
        Assert.Equal(Start(1, new DenoiseOptions(), width: 96).Sample[0], wide[0]);
    }

    [Theory]
    [InlineData("Euler a", RandomSource.TorchCpu)]
    [InlineData("Euler a", RandomSource.Cuda)]
    [InlineData("DPM++ 2M SDE Karras", RandomSource.TorchCpu)]
    [InlineData("DPM++ 2M SDE Karras", RandomSource.Cuda)]
    public void The_pictures_of_a_batch_share_the_draws_of_one_generator(string scheduler, RandomSource source)
    {
        const int Size = 3;
        INoiseSource generator = LatentNoise.CreateGenerator(5, source);
        float[] start = Draw(generator, Size * Length);
        Scheduler run = Start(5, new DenoiseOptions(), scheduler).State.Scheduler;
        (float sigma, float sigmaNext) = (run.Sigmas[0], run.Sigmas[1]);
        float[] step = new float[Size * Length];
        run.CreateNoise(5, generator).Fill(step, sigma, sigmaNext);

        for (int index = 0; index < Size; index++)
        {
            (DenoiseState state, float[] sample, GenerationInfo info) = Start(5, new DenoiseOptions { RandomSource = source.ToString(), BatchSize = Size, BatchIndex = index }, scheduler);
            float[] actual = new float[Length];
            state.Noise.Fill(actual, sigma, sigmaNext);

            Assert.Equal(start[(index * Length)..((index + 1) * Length)].Select(value => value * state.Scheduler.InitNoiseSigma), sample);
            Assert.Equal(step[(index * Length)..((index + 1) * Length)], actual);
            Assert.Equal((Size, index), (info.BatchSize, info.BatchIndex));
        }

        Assert.Equal(Start(5, new DenoiseOptions { RandomSource = source.ToString() }, scheduler).Sample, Start(5, new DenoiseOptions { RandomSource = source.ToString(), BatchSize = Size, BatchIndex = 0 }, scheduler).Sample);
    }

    [Theory]
    [InlineData("Euler a")]
    [InlineData("DPM++ 2M SDE Karras")]
    public void Stopping_half_way_and_going_on_gives_the_same_latent(string scheduler)
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(House, cancellationToken: Cancellation);
        DenoiseOptions noise = new()
        {
            RandomSource = nameof(RandomSource.Cuda),
            VariationStrength = 0.4,
            SeedResizeWidth = 48,
            SeedResizeHeight = 80,
            EtaNoiseSeedDelta = 4,
            BatchSize = 2,
            BatchIndex = 1,
        };
        DenoiseOptions options = noise with { Seed = 7, Steps = 4, Scheduler = scheduler, GuidanceScale = 1 };
        Latent half = demo.Pipeline.Denoise(embedding, null, null, options with { StopStep = 2 }, cancellationToken: Cancellation);
        options = options with { VariationSeed = half.VariationSeed };
        Latent whole = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);

        Latent continued = demo.Pipeline.Denoise(embedding, null, half, options, cancellationToken: Cancellation);
        Latent again = demo.Pipeline.Denoise(embedding, null, half, new DenoiseOptions { GuidanceScale = 1 }, cancellationToken: Cancellation);

        Assert.Equal(whole.Tensor.Values, continued.Tensor.Values);
        Assert.Equal(whole.Tensor.Values, again.Tensor.Values);
        Assert.Equal(whole.Info with { Stages = null }, continued.Info with { Stages = null });
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => demo.Pipeline.Denoise(
            embedding,
            null,
            half,
            new DenoiseOptions { RandomSource = nameof(RandomSource.TorchCpu) },
            cancellationToken: Cancellation));
        Assert.Equal("RandomSource", error.Setting);
    }

    [Theory]
    [InlineData(RandomSource.TorchCpu)]
    [InlineData(RandomSource.Cuda)]
    public void A_picture_is_noised_by_the_next_draw_of_the_generator_that_it_was_encoded_with(RandomSource source)
    {
        DiffusionImage grey = new(64, 64, [.. Enumerable.Repeat((byte)128, 64 * 64 * DiffusionImage.Channels)]);
        Latent clean = demo.Pipeline.EncodeImage(grey, 5, source, Cancellation);
        (DenoiseState state, Tensor sample, _) = new DenoiseStart(demo.Model, demo.Model.OpenUNet(null, TestContext.Current.CancellationToken), new PipelineMessages()).FromClean(clean, new DenoiseOptions { Scheduler = "Euler", Steps = 2, StartStep = 0, RandomSource = source.ToString() }, TestContext.Current.CancellationToken);

        INoiseSource generator = LatentNoise.CreateGenerator(5, source);
        Draw(generator);
        float[] expected = new float[Length];
        state.Scheduler.AddNoise(clean.Tensor.Span, Draw(generator), 0, expected);
        Assert.Equal(expected, sample.Values);

        // The seed is the latent's where none is given, and so is what it stands for.
        (_, Tensor same, _) = new DenoiseStart(demo.Model, demo.Model.OpenUNet(null, TestContext.Current.CancellationToken), new PipelineMessages()).FromClean(clean, new DenoiseOptions { Scheduler = "Euler", Steps = 2, StartStep = 0 }, TestContext.Current.CancellationToken);
        Assert.Equal(expected, same.Values);
    }

    [Theory]
    [InlineData("VariationSeed", -2)]
    [InlineData("VariationStrength", -1)]
    [InlineData("VariationStrength", 2)]
    [InlineData("SeedResizeWidth", 64)]
    [InlineData("SeedResizeHeight", 64)]
    [InlineData("BatchSize", 0)]
    [InlineData("BatchSize", 2)]
    [InlineData("BatchSize", 4097)]
    [InlineData("BatchIndex", 1)]
    [InlineData("BatchIndex", -1)]
    public void A_setting_out_of_its_range_or_without_its_other_half_is_refused_by_name(string setting, int value)
    {
        DenoiseOptions options = setting switch
        {
            "VariationSeed" => new DenoiseOptions { VariationSeed = value },
            "VariationStrength" => new DenoiseOptions { VariationStrength = value },
            "SeedResizeWidth" => new DenoiseOptions { SeedResizeWidth = value },
            "SeedResizeHeight" => new DenoiseOptions { SeedResizeHeight = value },
            "BatchSize" => new DenoiseOptions { BatchSize = value },
            _ => new DenoiseOptions { BatchIndex = value },
        };

        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => Start(1, options)).Setting);
    }

    [Fact]
    public void A_seed_resize_from_a_size_that_no_picture_has_is_refused()
    {
        Assert.Equal("SeedResizeWidth", Assert.Throws<InvalidSettingException>(() => Start(1, new DenoiseOptions { SeedResizeWidth = 60, SeedResizeHeight = 64 })).Setting);
    }

    private (DenoiseState State, float[] Sample, GenerationInfo Info) Start(long seed, DenoiseOptions noise, string scheduler = "DDIM", int? width = null)
    {
        DenoiseOptions options = noise with { Seed = seed, Steps = 4, Scheduler = scheduler, Width = width };
        demo.Pipeline.Check(options);
        (DenoiseState state, Tensor sample, GenerationInfo info) = new DenoiseStart(demo.Model, demo.Model.OpenUNet(null, TestContext.Current.CancellationToken), new PipelineMessages()).FromNoise(options, TestContext.Current.CancellationToken);
        return (state, sample.Values, info);
    }

    private static float[] Draw(INoiseSource source, int length = Length)
    {
        float[] values = new float[length];
        source.Fill(values, 1, 0);
        return values;
    }

    private static JsonElement[] References()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("rng.json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray()
            .Where(item => item.GetProperty("shape").EnumerateArray().Select(axis => axis.GetInt32()).SequenceEqual([1, 4, 8, 8])
                && item.GetProperty("seed").GetInt64() >= 0)
            .Select(item => item.Clone())];
    }
}
