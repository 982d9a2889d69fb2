using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>What an NVIDIA card makes beside what the processor makes, which the references are for. Skipped where there is no card.</summary>
public sealed class CardTests(SharedModels models)
{
    /// <summary>Both round differently, at each step anew. Images of other latents or timesteps are at about 10 dB.</summary>
    private const double LowestPsnr = 30;

    private static readonly Device s_card = new(DeviceKind.Cuda);

    private static DenoiseOptions Options { get; } = new() { Prompt = "a purple heart on white", Seed = 1, Steps = 12 };

    [Theory]
    [InlineData(nameof(SharedModels.Demo))]
    [InlineData(nameof(SharedModels.HalfDemo))]
    public void A_card_makes_the_image_of_the_processor(string model) => CheckSame(models.Find(model), Options);

    /// <summary>The features of one graph are those that another one reads.</summary>
    [Fact]
    public void A_card_reuses_features_as_the_processor_does() => CheckSame(models.Demo, Options with { FeatureReuse = 3 });

    /// <summary>The residuals of one graph are those that another one reads, at some of the steps.</summary>
    [Fact]
    public void A_card_follows_a_control_image_as_the_processor_does() => CheckSame(models.Sd1, Options with
    {
        Controls = [new ControlOptions(Repository.Data("adapters", "sd1-controlnet"), ImageFile.Read(Repository.Data("adapters", "control.png"))) { End = 0.5 }],
        Width = 64,
        Height = 64,
    });

    /// <summary>The first runs of a size are compared with ones that are not recorded, the others here.</summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(7.5)]
    public void A_card_makes_the_image_of_the_processor_by_CUDA_graphs(double guidanceScale)
    {
        SkipWithoutCard();
        ModelLibrary.Default.CloseModels();
        Environment.SetEnvironmentVariable(RunRecorder.Variable, "1");
        try
        {
            using ModelLease lease = ModelLibrary.Default.Open(models.HalfDemo, s_card);
            CheckSame(models.HalfDemo, Options with { GuidanceScale = guidanceScale });
            Assert.Null(lease.Model.OpenUNet(null, TestContext.Current.CancellationToken).RecordingFault);
        }
        finally
        {
            Environment.SetEnvironmentVariable(RunRecorder.Variable, null);
            ModelLibrary.Default.CloseModels();
        }
    }

    [Fact]
    public void A_card_encodes_an_image_as_the_processor_does()
    {
        SkipWithoutCard();
        DiffusionImage image = Make(models.Demo, Device.Cpu, Options);

        using ModelLease processor = ModelLibrary.Default.Open(models.Demo, Device.Cpu), card = ModelLibrary.Default.Open(models.Demo, s_card);
        float[] expected = new DiffusionPipeline(processor.Model).EncodeImage(image, seed: 1, cancellationToken: TestContext.Current.CancellationToken).Tensor.Values;
        float[] actual = new DiffusionPipeline(card.Model).EncodeImage(image, seed: 1, cancellationToken: TestContext.Current.CancellationToken).Tensor.Values;

        Assert.All(expected.Zip(actual), static pair => Assert.InRange(pair.Second, pair.First - 0.05f, pair.First + 0.05f));
    }

    private static void CheckSame(string model, DenoiseOptions options)
    {
        SkipWithoutCard();

        DiffusionImage expected = Make(model, Device.Cpu, options);
        DiffusionImage actual = Make(model, s_card, options);

        Assert.InRange(ImageDistance.Psnr(expected, actual), LowestPsnr, double.PositiveInfinity);
    }

    private static void SkipWithoutCard() =>
        Assert.SkipUnless(Devices.List().Single(static device => device.Kind == s_card.Kind).IsAvailable, "There is no NVIDIA card that works.");

    private static DiffusionImage Make(string model, Device device, DenoiseOptions options)
    {
        using ModelLease lease = ModelLibrary.Default.Open(model, device);
        return new TextToImage(new TextToImageRequest { Options = options }).Run(new DiffusionPipeline(lease.Model), cancellationToken: TestContext.Current.CancellationToken).Single();
    }
}
