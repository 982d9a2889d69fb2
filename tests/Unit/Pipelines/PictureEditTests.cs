using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Models of eight channels, which edit a picture by instructions.</summary>
public sealed class PictureEditTests(SharedModels models)
{
    private const string Prompt = "make it red";

    /// <summary>The bound of the reference's families, relative to the latent's mean magnitude.</summary>
    private const double LatentTolerance = 2e-3;

    private readonly DiffusionModel _model = models.Open(models.Edit);
    private readonly DiffusionPipeline _pipeline = new(models.Open(models.Edit));

    [Theory]
    [InlineData(6.0, 1.5)]
    [InlineData(3.0, 0.5)]
    [InlineData(3.0, 1.0)]
    public void The_picture_and_the_prompt_each_have_their_guidance(double scale, double imageScale)
    {
        // One step of DDIM is linear in the prediction, so that the latents follow the formula of the predictions.
        Latent source = Source();
        float[] unseen = Denoise("", null, 1, null);
        float[] seen = Denoise("", source, 1, null);
        float[] prompted = Denoise(Prompt, source, 1, null);

        float[] guided = Denoise(Prompt, source, scale, imageScale);

        for (int i = 0; i < guided.Length; i++)
            Assert.Equal(unseen[i] + (imageScale * (seen[i] - unseen[i])) + (scale * (prompted[i] - seen[i])), guided[i], 1e-4);
        Assert.NotEqual(unseen, seen);
        Assert.NotEqual(seen, prompted);
    }

    [Fact]
    public void The_latent_is_that_of_diffusers()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("edit", "latent.json")));
        JsonElement item = document.RootElement;
        DenoiseOptions options = new()
        {
            Seed = item.GetProperty("seed").GetInt64(),
            Steps = item.GetProperty("steps").GetInt32(),
            GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
            ImageGuidanceScale = item.GetProperty("image_guidance_scale").GetDouble(),
            Scheduler = item.GetProperty("scheduler").GetString(),
        };

        Latent latent = Run(item.GetProperty("prompt").GetString()!, Source(), options);

        Tensor expected = new([.. item.GetProperty("latent").EnumerateArray().Select(value => value.GetSingle())], [.. latent.Tensor.Shape]);
        LatentCheck.AssertClose(expected, latent, LatentTolerance);
    }

    [Fact]
    public void The_image_guidance_scale_is_recorded_and_is_1_5_unless_it_is_given()
    {
        Latent latent = Run(Prompt, Source(), new DenoiseOptions { Seed = 1, Steps = 2 });

        Assert.Equal(1.5, latent.ImageGuidanceScale);
        Assert.Null(latent.Info.Strength);
        Assert.Null(Run(Prompt, null, new DenoiseOptions { Seed = 1, Steps = 2, Width = 64, Height = 64 }).ImageGuidanceScale);
        Assert.Equal(Run(Prompt, Source(), new DenoiseOptions { Seed = 1, Steps = 2, ImageGuidanceScale = 1.5 }).Tensor.Values, latent.Tensor.Values);
    }

    [Fact]
    public void The_picture_is_encoded_once_for_all_that_is_made_of_it()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 1 };
        Latent source = Source();
        List<string> opened = [];
        using DiffusionModel again = new(_model.Info, Device.Cpu);
        DiffusionPipeline pipeline = new(again, progress => opened.Add(progress.Activity));

        Latent latent = pipeline.Denoise(_pipeline.EncodePrompt(Prompt, cancellationToken: TestContext.Current.CancellationToken), null, source, options, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(Run(Prompt, source, options).Tensor.Values, latent.Tensor.Values);
        Assert.Contains("Opening the U-Net", opened);
        Assert.DoesNotContain("Opening the VAE encoder", opened);
    }

    [Fact]
    public void A_stopped_edit_goes_on_to_the_same_latent()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3 };

        Latent stopped = Run(Prompt, Source(), options with { StopStep = 1 });

        Assert.Equal(Run(Prompt, Source(), options).Tensor.Values, Run(Prompt, stopped, options).Tensor.Values);
    }

    [Fact]
    public void A_stopped_latent_of_no_picture_goes_on_without_one()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3, Width = 64, Height = 64 };

        Latent whole = Run(Prompt, Run(Prompt, null, options with { StopStep = 1 }), options);

        Assert.Null(whole.ImageGuidanceScale);
        Assert.Equal(Run(Prompt, null, options).Tensor.Values, whole.Tensor.Values);
    }

    [Fact]
    public void What_belongs_to_other_models_is_refused()
    {
        Latent source = Source();
        DenoiseOptions options = new() { Seed = 1, Steps = 2 };

        Assert.Equal("Strength", Refused(options with { Strength = 0.5 }));
        Assert.Equal("StartStep", Refused(options with { StartStep = 1 }));
        Assert.Equal("Mask", Refused(options with { Mask = ImageFile.ReadMask(FamilyReference.Find("sd1-inpaint", "mask.png")) }));
        Assert.Equal("ImageGuidanceScale", Refused(options with { ImageGuidanceScale = 101 }));
        Assert.Equal("ControlNet", Refused(options with { Controls = [new ControlOptions("no-such-net", ImageFile.Read(Repository.Data("images", "scene.png")))] }));

        string Refused(DenoiseOptions given) => Assert.Throws<InvalidSettingException>(() => Run(Prompt, source, given)).Setting;
    }

    private Latent Source() => _pipeline.EncodeImage(
        ImageFile.Read(FamilyReference.Find("sd1-inpaint", "source.png")), 7, cancellationToken: TestContext.Current.CancellationToken);

    private float[] Denoise(string prompt, Latent? start, double scale, double? imageScale) =>
        [.. Run(prompt, start, new DenoiseOptions { Seed = 3, Steps = 1, Scheduler = "DDIM", Width = 64, Height = 64, GuidanceScale = scale, ImageGuidanceScale = imageScale }).Tensor.Values];

    private Latent Run(string prompt, Latent? start, DenoiseOptions options)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        TextEmbedding embedding = _pipeline.EncodePrompt(prompt, cancellationToken: cancellation);
        return _pipeline.Denoise(embedding, null, start, options, cancellationToken: cancellation);
    }
}
