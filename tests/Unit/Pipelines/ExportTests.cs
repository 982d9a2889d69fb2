using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Folders of ONNX graphs that other exporters wrote, used as they are.</summary>
public sealed class ExportTests
{
    [Theory]
    [InlineData("current", 1e-3)]
    [InlineData("legacy", 3e-2)]
    public void A_folder_of_another_exporter_runs_untouched(string folder, double tolerance)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("exports", "exports.json")));
        JsonElement expected = document.RootElement;
        using SafetensorsFile tensors = SafetensorsFile.Open(Repository.Data("exports", "exports.safetensors"));
        using ModelLease lease = ModelLibrary.Default.Open(Repository.Data("exports", folder), Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        DenoiseOptions options = new()
        {
            Seed = expected.GetProperty("seed").GetInt64(),
            Steps = expected.GetProperty("steps").GetInt32(),
            GuidanceScale = expected.GetProperty("guidance_scale").GetDouble(),
            Width = expected.GetProperty("width").GetInt32(),
            Height = expected.GetProperty("height").GetInt32(),
            Scheduler = expected.GetProperty("scheduler").GetString(),
        };

        Latent latent = pipeline.Denoise(
            pipeline.EncodePrompt(expected.GetProperty("prompt").GetString()!, cancellationToken: cancellation),
            pipeline.EncodePrompt(expected.GetProperty("negative_prompt").GetString()!, cancellationToken: cancellation),
            start: null,
            options,
            cancellationToken: cancellation);

        LatentCheck.AssertClose(tensors.Read(expected.GetProperty("latent").GetString()!), latent, tolerance);
        DiffusionImage picture = pipeline.Decode(latent, cancellation);
        Latent again = pipeline.EncodeImage(picture, seed: 1, cancellationToken: cancellation);
        Assert.Equal((64, 64), (picture.Width, picture.Height));
        Assert.Equal(latent.Tensor.Shape, again.Tensor.Shape);
    }

    [Fact]
    public void Only_current_exports_let_a_seed_decide_what_a_picture_is_encoded_to()
    {
        DiffusionImage picture = ImageFile.Read(Repository.Data("demo", "images", "public-img2img-0-source.png"));
        foreach ((string folder, bool isRepeatable) in new[] { ("current", true), ("legacy", false) })
        {
            using ModelLease lease = ModelLibrary.Default.Open(Repository.Data("exports", folder), Device.Cpu);
            Assert.Equal(isRepeatable, lease.Model.OpenVaeEncoder(null, TestContext.Current.CancellationToken).GivesDistribution);
            DiffusionPipeline pipeline = new(lease.Model);
            float[] first = pipeline.EncodeImage(picture, seed: 5, cancellationToken: TestContext.Current.CancellationToken).Tensor.Values;
            float[] second = pipeline.EncodeImage(picture, seed: 5, cancellationToken: TestContext.Current.CancellationToken).Tensor.Values;
            Assert.Equal(isRepeatable, first.AsSpan().SequenceEqual(second));
        }
    }

    [Fact]
    public void A_clip_skip_that_an_export_does_not_give_is_refused()
    {
        using ModelLease lease = ModelLibrary.Default.Open(Repository.Data("exports", "current"), Device.Cpu);

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() =>
            new DiffusionPipeline(lease.Model).EncodePrompt("a red house", new() { ClipSkip = 2 }, TestContext.Current.CancellationToken));

        Assert.Equal("ClipSkip", error.Setting);
    }
}
