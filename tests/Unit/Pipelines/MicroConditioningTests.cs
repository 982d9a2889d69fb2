using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>What SDXL and its refiner are told besides the prompt.</summary>
public sealed class MicroConditioningTests(SharedModels models)
{
    private const int Width = 96;
    private const int Height = 64;

    private static readonly MicroConditioning s_sizes = new() { OriginalHeight = 1, OriginalWidth = 2, CropTop = 3, CropLeft = 4, TargetHeight = 5, TargetWidth = 6 };

    [Fact]
    public void The_numbers_stand_in_the_order_of_diffusers()
    {
        StableDiffusionXL basic = new();
        StableDiffusionXLRefiner refiner = new();
        GenerationInfo plain = new() { Width = Width, Height = Height };
        GenerationInfo told = plain with { MicroConditioning = s_sizes with { AestheticScore = 7.5, NegativeAestheticScore = 1.5 } };

        Assert.Equal([64, 96, 0, 0, 64, 96], TimeIds.Of(basic, plain, isNegative: false));
        Assert.Equal([64, 96, 0, 0, 64, 96], TimeIds.Of(basic, plain, isNegative: true));
        Assert.Equal([1, 2, 3, 4, 5, 6], TimeIds.Of(basic, told, isNegative: false));
        Assert.Equal([1, 2, 3, 4, 5, 6], TimeIds.Of(basic, told, isNegative: true));
        Assert.Equal([64, 96, 0, 0, 6], TimeIds.Of(refiner, plain, isNegative: false));
        Assert.Equal([64, 96, 0, 0, 2.5f], TimeIds.Of(refiner, plain, isNegative: true));
        Assert.Equal([1, 2, 3, 4, 7.5f], TimeIds.Of(refiner, told, isNegative: false));
        Assert.Equal([1, 2, 0, 0, 1.5f], TimeIds.Of(refiner, told, isNegative: true));
        Assert.Empty(TimeIds.Of(new StableDiffusion1(), plain, isNegative: false));
    }

    [Fact]
    public void Each_size_reaches_SDXL_and_the_defaults_are_those_of_none() => AssertEachCounts(
        models.Large,
        new() { OriginalWidth = Width, OriginalHeight = Height, CropTop = 0, CropLeft = 0, TargetWidth = Width, TargetHeight = Height },
        new() { OriginalWidth = 512 },
        new() { OriginalHeight = 512 },
        new() { CropTop = 200 },
        new() { CropLeft = 200 },
        new() { TargetWidth = 512 },
        new() { TargetHeight = 512 });

    [Fact]
    public void Each_score_and_size_reaches_the_refiner_and_the_defaults_are_those_of_none() => AssertEachCounts(
        models.Refiner,
        new() { OriginalWidth = Width, OriginalHeight = Height, CropTop = 0, CropLeft = 0, AestheticScore = 6, NegativeAestheticScore = 2.5 },
        new() { OriginalWidth = 512 },
        new() { OriginalHeight = 512 },
        new() { CropTop = 200 },
        new() { CropLeft = 200 },
        new() { AestheticScore = 2 },
        new() { NegativeAestheticScore = 9 });

    [Fact]
    public void What_a_model_is_not_told_is_refused()
    {
        Assert.Equal("OriginalWidth", Refused(models.Demo, new() { OriginalWidth = 512 }));
        Assert.Equal("CropTop", Refused(models.Demo, new() { CropTop = 0 }));
        Assert.Equal("AestheticScore", Refused(models.Demo, new() { AestheticScore = 6 }));
        Assert.Equal("AestheticScore", Refused(models.Large, new() { AestheticScore = 6 }));
        Assert.Equal("NegativeAestheticScore", Refused(models.Large, new() { NegativeAestheticScore = 2.5 }));
        Assert.Equal("TargetWidth", Refused(models.Refiner, new() { TargetWidth = 512 }));
        Assert.Equal("TargetHeight", Refused(models.Refiner, new() { TargetHeight = 512 }));
    }

    [Fact]
    public void What_is_out_of_its_range_is_refused()
    {
        Assert.Equal("OriginalHeight", Refused(models.Large, new() { OriginalHeight = 0 }));
        Assert.Equal("CropLeft", Refused(models.Large, new() { CropLeft = -1 }));
        Assert.Equal("TargetWidth", Refused(models.Large, new() { TargetWidth = 16385 }));
        Assert.Equal("AestheticScore", Refused(models.Refiner, new() { AestheticScore = 101 }));
        Assert.Equal("NegativeAestheticScore", Refused(models.Refiner, new() { NegativeAestheticScore = double.NaN }));
    }

    private void AssertEachCounts(string folder, MicroConditioning defaults, params MicroConditioning[] others)
    {
        DiffusionModel model = models.Open(folder);
        Latent plain = Denoise(model, new());
        Latent same = Denoise(model, defaults);
        Assert.Equal(plain.Tensor.Values, same.Tensor.Values);
        Assert.Null(plain.Info.MicroConditioning);
        Assert.Null(same.Info.MicroConditioning);

        List<float[]> seen = [plain.Tensor.Values];
        foreach (MicroConditioning other in others)
        {
            Latent latent = Denoise(model, other);
            Assert.Equal(other, latent.Info.MicroConditioning);
            Assert.All(seen, values => Assert.NotEqual(values, latent.Tensor.Values));
            seen.Add(latent.Tensor.Values);
        }
    }

    private string Refused(string folder, MicroConditioning told) =>
        Assert.Throws<InvalidSettingException>(() => Denoise(models.Open(folder), told)).Setting;

    private static Latent Denoise(DiffusionModel model, MicroConditioning told)
    {
        DiffusionPipeline pipeline = new(model);
        DenoiseOptions options = new() { Seed = 1, Steps = 1, GuidanceScale = 5, Width = Width, Height = Height, MicroConditioning = told };
        return pipeline.Denoise(
            pipeline.EncodePrompt("a house", cancellationToken: TestContext.Current.CancellationToken), null, null, options, cancellationToken: TestContext.Current.CancellationToken);
    }
}
