using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The whole way from a prompt to a picture, against what diffusers made of the same model.</summary>
public sealed class DemoReferenceTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    /// <summary>The bounds that come with the reference: relative to the latent's mean magnitude, and in 255ths.</summary>
    private const double LatentTolerance = 1e-3;
    private const double PixelTolerance = 1;

    public static TheoryData<string> Cases(string kind)
    {
        TheoryData<string> names = [];
        foreach (JsonElement item in DemoReference.Cases(kind))
            names.Add(item.GetProperty("latent").GetString()!);
        return names;
    }

    [Theory]
    [MemberData(nameof(Cases), "txt2img")]
    public void A_prompt_gives_the_picture_that_diffusers_gives(string name)
    {
        JsonElement expected = Find("txt2img", name);
        CheckPicture(expected, Denoise(expected, start: null, Options(expected)));
    }

    [Theory]
    [MemberData(nameof(Cases), "img2img")]
    public void A_picture_and_a_prompt_give_the_picture_that_diffusers_gives(string name)
    {
        JsonElement expected = Find("img2img", name);
        DenoiseOptions options = Options(expected) with { Strength = expected.GetProperty("strength").GetDouble() };

        CheckPicture(expected, Denoise(expected, Source(expected), options));
    }

    [Theory]
    [MemberData(nameof(Cases), "inpaint")]
    public void A_picture_and_a_mask_give_the_picture_that_diffusers_gives(string name)
    {
        JsonElement expected = Find("inpaint", name);
        DenoiseOptions options = Options(expected) with
        {
            Strength = expected.GetProperty("strength").GetDouble(),
            Mask = ImageFile.ReadMask(DemoReference.Image(expected.GetProperty("mask").GetString()!)),
        };

        CheckPicture(expected, Denoise(expected, Source(expected), options));
    }

    private static JsonElement Find(string kind, string name) =>
        DemoReference.Cases(kind).Single(item => item.GetProperty("latent").GetString() == name);

    private static DenoiseOptions Options(JsonElement expected)
    {
        (string className, IReadOnlyDictionary<string, object?> schedulerOptions) = DemoReference.Scheduler(expected.GetProperty("scheduler").GetString()!);
        return new DenoiseOptions
        {
            Seed = expected.GetProperty("seed").GetInt64(),
            Steps = expected.GetProperty("steps").GetInt32(),
            GuidanceScale = expected.GetProperty("guidance_scale").GetDouble(),
            GuidanceRescale = expected.TryGetProperty("guidance_rescale", out JsonElement rescale) ? rescale.GetDouble() : 0,
            Scheduler = className,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
        };
    }

    private Latent Source(JsonElement expected)
    {
        DiffusionImage source = ImageFile.Read(DemoReference.Image(expected.GetProperty("source").GetString()!));
        return demo.Pipeline.EncodeImage(source, expected.GetProperty("seed").GetInt64(), cancellationToken: TestContext.Current.CancellationToken);
    }

    private Latent Denoise(JsonElement expected, Latent? start, DenoiseOptions options)
    {
        TextEmbedding embedding = demo.Pipeline.EncodePrompt(expected.GetProperty("prompt").GetString()!, cancellationToken: TestContext.Current.CancellationToken);
        TextEmbedding? negative = expected.TryGetProperty("negative_prompt", out JsonElement text) && text.GetString() is string negativePrompt
            ? demo.Pipeline.EncodePrompt(negativePrompt, cancellationToken: TestContext.Current.CancellationToken)
            : null;
        return demo.Pipeline.Denoise(embedding, negative, start, options, cancellationToken: TestContext.Current.CancellationToken);
    }

    private void CheckPicture(JsonElement expected, Latent latent)
    {
        LatentCheck.AssertClose(DemoReference.Read(expected, "latent"), latent, LatentTolerance);

        DiffusionImage picture = demo.Pipeline.Decode(latent, TestContext.Current.CancellationToken);
        DiffusionImage wantedPicture = ImageFile.Read(DemoReference.Image(expected.GetProperty("image").GetString()!));
        double difference = wantedPicture.Pixels.Zip(picture.Pixels, (a, b) => Math.Abs(a - b)).Average();
        Assert.True(difference < PixelTolerance, $"The picture differs by {difference} of 255 on average.");
    }
}
