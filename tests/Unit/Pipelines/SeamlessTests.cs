using System.Text.Json;
using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Images whose edges meet: against torch with circular padding, and by rolling what goes in.</summary>
public sealed class SeamlessTests(SharedModels models)
{
    private const double UNetTolerance = 2e-4;
    private const double PixelTolerance = 1e-3;
    private const double LatentTolerance = 1e-3;

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("vae", "seamless.safetensors")));

    private static readonly JsonElement[] s_cases = [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("vae", "seamless.json"))).RootElement.GetProperty("cases").EnumerateArray()];

    public static TheoryData<string, string> Predictions
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string id in s_cases.Where(static item => item.GetProperty("kind").GetString() == "seamless").Select(static item => item.GetProperty("id").GetString()!))
            {
                foreach (string axes in (string[])["none", "x", "y", "xy"])
                    data.Add(id, axes);
            }

            return data;
        }
    }

    public static TheoryData<string> Runs => [.. s_cases.Where(static item => item.GetProperty("kind").GetString() == "seamless_run").Select(static item => item.GetProperty("id").GetString()!)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private DiffusionPipeline Demo => new(models.Open(models.Demo));

    [Theory]
    [MemberData(nameof(Predictions))]
    public void The_networks_give_what_torch_gives_with_circular_padding(string id, string axes)
    {
        DiffusionModel model = models.Open(models.Demo);
        JsonElement item = s_cases.Single(item => item.GetProperty("id").GetString() == id);
        Tiling tiling = TilingOf(axes);

        Tensor predicted = Predict(model, tiling, Read(item, "sample"), item.GetProperty("prompt").GetString()!, item.GetProperty("timestep").GetInt32());
        Assert.InRange(Distance(Read(item, $"noise_pred-{axes}"), predicted), 0, UNetTolerance);
        Tensor decoded = model.OpenVaeDecoder(null, Cancellation, tiling).Decode(Read(item, "latent"), cancellationToken: Cancellation);
        Assert.InRange(Distance(Read(item, $"decoded-{axes}"), decoded), 0, PixelTolerance);
        if (tiling == Tiling.Both)
            Assert.InRange(Distance(Read(item, "encoded-xy"), model.OpenVaeEncoder(null, Cancellation, tiling).Encode(Read(item, "decoded-xy"), noise: null, cancellationToken: Cancellation).Latent), 0, PixelTolerance);
        if (tiling != Tiling.None)
            Assert.InRange(Distance(Read(item, "decoded-none"), decoded), 10 * PixelTolerance, 10);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_seamless_denoising_gives_the_latent_of_the_reference(string id)
    {
        JsonElement item = s_cases.Single(item => item.GetProperty("id").GetString() == id);
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
            Tiling = TilingOf(item.GetProperty("axes").GetString()!).ToString(),
        };
        TextEmbedding prompt = Demo.EncodePrompt(item.GetProperty("prompt").GetString()!, cancellationToken: Cancellation);
        LatentCheck.AssertClose(Read(item, "latent"), Demo.Denoise(prompt, null, null, options, cancellationToken: Cancellation), LatentTolerance);
    }

    /// <remarks>With integers, sums in another order let single values fall on the other side of a border between two of them.</remarks>
    [Theory]
    [InlineData(nameof(SharedModels.Demo), 1e-5)]
    [InlineData(nameof(SharedModels.HalfDemo), 1e-5)]
    [InlineData(nameof(SharedModels.IntegerDemo), 0.1)]
    [InlineData(nameof(SharedModels.Sd2), 1e-5)]
    [InlineData(nameof(SharedModels.Inpainting), 1e-5)]
    [InlineData(nameof(SharedModels.Large), 1e-5)]
    public void What_is_rolled_along_the_edges_that_meet_comes_out_rolled(string kind, double tolerance)
    {
        DiffusionModel model = models.Open(models.Find(kind));
        UNet plain = model.OpenUNet(null, Cancellation);
        Tensor sample = Noise(plain.Channels), latent = Noise(plain.LatentChannels);
        foreach ((Tiling tiling, int down, int right) in new[] { (Tiling.X, 0, 8), (Tiling.Y, 8, 0), (Tiling.Both, 8, 8) })
        {
            Tensor predicted = Predict(model, tiling, sample), rolled = Predict(model, tiling, Roll(sample, down, right));
            double apart = Mean(Roll(Predict(model, Tiling.None, sample), down, right), Predict(model, Tiling.None, Roll(sample, down, right))), together = Mean(Roll(predicted, down, right), rolled);
            TestContext.Current.TestOutputHelper?.WriteLine($"{tiling}: {together:E2} with edges that meet, {apart:E2} with others.");
            Assert.InRange(together, 0, tolerance * apart);

            // The decoder has no layers that halve, so that it goes along with any number of cells.
            int factor = model.Info.LatentFactor;
            (int y, int x) = (down / 8 * 3, right / 8 * 5);
            Tensor decoded = Decode(latent), other = Decode(Roll(latent, y, x));
            Assert.InRange(Distance(Roll(decoded, y * factor, x * factor), other), 0, 1e-4);

            Tensor Decode(Tensor from) => model.OpenVaeDecoder(null, Cancellation, tiling).Decode(from, cancellationToken: Cancellation);
        }
    }

    [Fact]
    public void The_edges_of_one_axis_stay_apart()
    {
        DiffusionModel model = models.Open(models.Demo);
        Tensor latent = Noise(4);
        foreach ((Tiling tiling, int down, int right) in new[] { (Tiling.X, 4, 0), (Tiling.Y, 0, 4) })
        {
            Tensor decoded = Decode(latent), other = Decode(Roll(latent, down, right));
            Assert.InRange(Distance(Roll(decoded, down * 8, right * 8), other), 1e-2, 10);

            Tensor Decode(Tensor from) => model.OpenVaeDecoder(null, Cancellation, tiling).Decode(from, cancellationToken: Cancellation);
        }
    }

    [Fact]
    public void The_outer_layers_and_those_for_ControlNets_go_around_too()
    {
        DiffusionModel model = models.Open(models.Demo);
        Tensor sample = Noise(4);
        TextVectors text = Demo.EncodePrompt("a red house", cancellationToken: Cancellation).Vectors;
        foreach (Tiling tiling in (Tiling[])[Tiling.X, Tiling.Both])
        {
            UNet whole = model.OpenUNet(null, Cancellation, tiling);
            for (int branch = 0; branch < DeepFeatures.MostBranches; branch++)
            {
                FeatureReuse reuse = new(model.OpenOuterUNet(branch, null, Cancellation, tiling), branch, Interval: 2);
                using UNetInput input = whole.CreateInput(16, 24, added: null);
                using UNetPrediction prediction = whole.Bind(input, text, [], reuse: reuse);
                sample.Values.CopyTo(input.Sample.Values, 0);
                input.Upload(500);
                float[] expected = prediction.Run(0, Cancellation).ToArray();
                Assert.InRange(expected.Zip(prediction.Run(1, Cancellation).ToArray(), static (a, b) => Math.Abs(a - b)).Max(), 0, 1e-5);
            }

            // Without residuals, that for ControlNets is the same network.
            UNet controlled = model.OpenControlledUNet(null, Cancellation, tiling);
            using UNetInput zeros = controlled.CreateInput(16, 24, added: null);
            using UNetPrediction residual = controlled.Bind(zeros, text, []);
            sample.Values.CopyTo(zeros.Sample.Values, 0);
            zeros.Upload(500);
            Assert.InRange(Distance(Predict(model, tiling, sample, "a red house"), new Tensor(residual.Run(0, Cancellation).ToArray(), 1, 4, 16, 24)), 0, 1e-4);
        }
    }

    [Fact]
    public void A_LoRA_and_a_tiny_autoencoder_go_with_it()
    {
        using TemporaryFolder cache = new();
        Tensor sample = Noise(4);
        List<Tensor> all = [];
        foreach (bool adaptsFiles in (bool[])[false, true])
        {
            using DiffusionModel plain = new(ModelReader.Read(models.Sd1, models.Sd1, Cancellation), Device.Cpu) { AdaptsFiles = adaptsFiles, CacheFolder = StorageFolders.FromEnvironment().Cache, PreparedFolder = cache.Path };
            using DiffusionModel adapted = new(plain, AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-peft.safetensors"), 1)]));
            Tensor predicted = Predict(adapted, Tiling.Both, sample);
            Assert.InRange(Distance(Roll(predicted, 8, 8), Predict(adapted, Tiling.Both, Roll(sample, 8, 8))), 0, 1e-4);
            Assert.InRange(Distance(predicted, Predict(plain, Tiling.Both, sample)), 1e-3, 100);
            Assert.InRange(Distance(predicted, Predict(adapted, Tiling.None, sample)), 1e-3, 100);
            all.Add(predicted);
        }

        Assert.InRange(Distance(all[0], all[1]), 0, 1e-4);

        VaeOptions tiny = new() { Vae = TinyVaeFiles.Folder, Seamless = Tiling.Both };
        Latent latent = new(Noise(4), new GenerationInfo());
        Tensor decoded = PixelTensor.FromImage(Demo.Decode(latent, tiny, Cancellation));
        Tensor rolled = PixelTensor.FromImage(Demo.Decode(new Latent(Roll(latent.Tensor, 3, 5), new GenerationInfo()), tiny, Cancellation));
        Assert.InRange(Distance(Roll(decoded, 24, 40), rolled), 0, 2.1 / 255);
        Assert.InRange(Distance(decoded, PixelTensor.FromImage(Demo.Decode(latent, tiny with { Seamless = null }, Cancellation))), 0.01, 2);
    }

    [Theory]
    [InlineData(Tiling.X)]
    [InlineData(Tiling.Y)]
    [InlineData(Tiling.Both)]
    public void Tiles_of_the_autoencoder_fade_into_each_other_across_the_edges_that_meet(Tiling tiling)
    {
        Latent latent = new(Noise(4), new GenerationInfo());
        VaeOptions tiles = new() { Tiling = VaeTiling.On, Seamless = tiling };
        DiffusionImage whole = Demo.Decode(latent, tiles with { Tiling = VaeTiling.Off }, Cancellation), tiled = Demo.Decode(latent, tiles, Cancellation);
        Assert.Equal((192, 128, nameof(VaeTiling.On), tiling.ToString()), (tiled.Width, tiled.Height, tiled.VaeTiling, tiled.Tiling));
        Assert.InRange(whole.Pixels.Zip(tiled.Pixels, static (a, b) => Math.Abs(a - b)).Average(), 0.01, 12);

        // At an edge that meets, the image goes on as it does between two of its columns; at another, it does not.
        Tensor pixels = PixelTensor.FromImage(tiled);
        (double inside, double across) = tiling == Tiling.Y ? Steps(Transpose(pixels)) : Steps(pixels);
        Assert.InRange(across, 0, 1.5 * inside);
        Latent encoded = Demo.EncodeImage(Demo.FitImage(whole), vae: tiles, cancellationToken: Cancellation);
        Assert.Equal(latent.Tensor.Shape, encoded.Tensor.Shape);
        Assert.Equal(tiling.ToString(), encoded.Tiling);
        Latent encodedWhole = Demo.EncodeImage(Demo.FitImage(whole), vae: tiles with { Tiling = VaeTiling.Off }, cancellationToken: Cancellation);
        Assert.InRange(encodedWhole.Tensor.Values.Zip(encoded.Tensor.Values, static (a, b) => Math.Abs(a - b)).Average(), 1e-6, 0.2);
    }

    [Theory]
    [InlineData("Both", "Tiling: True", null)]
    [InlineData("x", "Tiling: True", "Tiling axis: X")]
    [InlineData("Y", "Tiling: True", "Tiling axis: Y")]
    [InlineData("none", null, null)]
    public void The_record_and_the_text_say_which_edges_meet(string given, string? text, string? axis)
    {
        DenoiseOptions options = new() { Prompt = "a red house", Seed = 1, Steps = 2, Tiling = given };
        DiffusionImage image = new TextToImage(new TextToImageRequest { Options = options }).Make(Demo, 0, cancellationToken: Cancellation);
        string? expected = text is null ? null : Enum.Parse<Tiling>(given, ignoreCase: true).ToString();
        string infotext = Infotext.Format(image.Info);

        Assert.Equal(expected, image.Tiling);
        Assert.Equal([expected, expected], image.Stages!.TakeLast(2).Select(static stage => stage.Text(nameof(Tiling))));
        Assert.NotNull(OneImage.Match(image.Stages!));
        Assert.Equal(text is not null, infotext.Contains("Tiling: True", StringComparison.Ordinal));
        Assert.Equal(axis is not null, axis is not null && infotext.Contains(axis, StringComparison.Ordinal));
        List<string> warnings = [];
        Assert.Equal(expected, InfotextMetadata.Read(infotext, hasGraph: false, warnings).Tiling);
        Assert.Empty(warnings);
        Assert.Equal(text is null ? null : nameof(Tiling.Both), InfotextMetadata.Read("a\nSteps: 2, Sampler: Euler, Seed: 1, " + (text ?? "Tiling: False") + ", Version: v1.10.1", hasGraph: false, warnings).Tiling);
    }

    [Fact]
    public void A_latent_is_decoded_as_it_was_denoised_unless_something_else_is_asked_for()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 2, Tiling = nameof(Tiling.Both) };
        Latent latent = Demo.Denoise(Demo.EncodePrompt("a red house", cancellationToken: Cancellation), null, null, options, cancellationToken: Cancellation);
        DiffusionImage image = Demo.Decode(latent, Cancellation), apart = Demo.Decode(latent, new VaeOptions { Seamless = Tiling.None }, Cancellation);
        Assert.Equal(nameof(Tiling.Both), image.Tiling);
        Assert.Null(apart.Tiling);
        Assert.NotEqual(image.Pixels, apart.Pixels);
        Assert.Null(OneImage.Match(apart.Stages!));
        Assert.Equal(image.Pixels, Demo.Decode(new Latent(latent.Tensor, new GenerationInfo()), new VaeOptions { Seamless = Tiling.Both }, Cancellation).Pixels);
    }

    [Fact]
    public void What_cannot_be_seamless_is_refused_before_any_work()
    {
        Assert.Equal("Tiling", Assert.Throws<InvalidSettingException>(() => Demo.Check(new DenoiseOptions { Tiling = "Z" })).Setting);

        string foreign = Repository.Data("exports", "current");
        using DiffusionModel model = new(ModelReader.Read("foreign", foreign, Cancellation), Device.Cpu);
        DiffusionPipeline pipeline = new(model);
        Latent latent = new(Noise(4), new GenerationInfo());
        foreach (Action refused in new Action[]
        {
            () => pipeline.Check(new DenoiseOptions { Tiling = "X" }),
            () => pipeline.Decode(latent, new VaeOptions { Seamless = Tiling.Y }, Cancellation),
            () => pipeline.EncodeImage(pipeline.FitImage(new DiffusionImage(64, 64, new byte[64 * 64 * 3], new GenerationInfo())), vae: new VaeOptions { Seamless = Tiling.Both }, cancellationToken: Cancellation),
        })
        {
            InvalidSettingException error = Assert.Throws<InvalidSettingException>(refused);
            Assert.Equal("Tiling", error.Setting);
            Assert.Contains("another program exported", error.Message, StringComparison.Ordinal);
        }
    }

    private static Tiling TilingOf(string axes) => axes switch { "none" => Tiling.None, "x" => Tiling.X, "y" => Tiling.Y, _ => Tiling.Both };

    private static Tensor Read(JsonElement item, string name) => s_tensors.Value.Read(item.GetProperty("tensors").GetProperty(name).GetString()!);

    private static Tensor Predict(DiffusionModel model, Tiling tiling, Tensor sample, string prompt = "a blue fish", int timestep = 500)
    {
        TextVectors text = new DiffusionPipeline(model).EncodePrompt(prompt, cancellationToken: Cancellation).Vectors;
        UNet unet = model.OpenUNet(null, Cancellation, tiling);
        (int height, int width) = (sample.Shape[2], sample.Shape[3]);
        using UNetInput input = unet.CreateInput(height, width, unet.Channels == unet.LatentChannels ? null : new Tensor(1, unet.Channels - unet.LatentChannels, height, width));
        using UNetPrediction prediction = unet.Bind(input, text, model.Family.TimeIds(new(), 64, 64, isNegative: false));
        sample.Values.CopyTo(input.Sample.Values, 0);
        input.Upload(timestep);
        return new Tensor(prediction.Run(0, Cancellation).ToArray(), 1, unet.LatentChannels, height, width);
    }

    private static Tensor Noise(int channels)
    {
        Random random = new(7);
        return new([.. Enumerable.Range(0, channels * 16 * 24).Select(_ => (float)((random.NextDouble() * 4) - 2))], 1, channels, 16, 24);
    }

    private static Tensor Roll(Tensor tensor, int down, int right)
    {
        (int height, int width) = (tensor.Shape[2], tensor.Shape[3]);
        Tensor rolled = new([.. tensor.Shape]);
        for (int i = 0; i < tensor.Length; i++)
        {
            (int x, int y, int channel) = (i % width, i / width % height, i / width / height);
            rolled.Values[(((channel * height) + ((y + down) % height)) * width) + ((x + right) % width)] = tensor.Values[i];
        }

        return rolled;
    }

    private static Tensor Transpose(Tensor tensor)
    {
        (int channels, int height, int width) = (tensor.Shape[1], tensor.Shape[2], tensor.Shape[3]);
        Tensor turned = new(1, channels, width, height);
        for (int i = 0; i < tensor.Length; i++)
            turned.Values[(((i / width / height * width) + (i % width)) * height) + (i / width % height)] = tensor.Values[i];
        return turned;
    }

    /// <summary>How far two neighbouring columns differ inside an image, and how far its first differs from its last.</summary>
    private static (double Inside, double Across) Steps(Tensor pixels)
    {
        int width = pixels.Shape[3];
        double[] steps = [.. Enumerable.Range(0, width).Select(x => Enumerable.Range(0, pixels.Length / width).Average(line => Math.Abs((double)pixels.Values[(line * width) + x] - pixels.Values[(line * width) + ((x + 1) % width)])))];
        return (steps[..^1].Average(), steps[^1]);
    }

    private static double Mean(Tensor expected, Tensor actual) => expected.Values.Zip(actual.Values, static (a, b) => Math.Abs((double)a - b)).Average();

    private static double Distance(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        return expected.Values.Zip(actual.Values, static (a, b) => Math.Abs((double)a - b)).Max();
    }
}
