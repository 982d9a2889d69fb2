using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Single files of every family, from the file to the picture, against what diffusers made of them.</summary>
public sealed class FamilyTests(SharedModels models)
{
    /// <summary>The bound that comes with the reference, relative to the latent's mean magnitude.</summary>
    private const double LatentTolerance = 2e-3;

    [Theory]
    [InlineData("sd1")]
    [InlineData("sd2")]
    [InlineData("sdxl")]
    public void A_single_file_gives_the_latents_that_diffusers_gives(string family)
    {
        DiffusionPipeline pipeline = new(models.Open(family switch { "sd1" => models.Sd1, "sd2" => models.Sd2, _ => models.Large }));
        Assert.All(FamilyReference.Cases(family, "pipeline"), item => LatentCheck.AssertClose(
            FamilyReference.Tensor(item.GetProperty("latent").GetString()!), Denoise(pipeline, item), LatentTolerance));
    }

    [Fact]
    public void A_diffusers_folder_gives_the_very_latents_of_the_single_file()
    {
        DiffusionModel fromFile = models.Open(models.Sd1);
        DiffusionModel fromFolder = models.Open(models.Sd1Folder);
        Assert.All(FamilyReference.Cases("sd1", "pipeline"), item => Assert.Equal(
            Denoise(new DiffusionPipeline(fromFile), item).Tensor.Values, Denoise(new DiffusionPipeline(fromFolder), item).Tensor.Values));
    }

    [Fact]
    public void Clip_skip_gives_the_embedding_that_transformers_gives()
    {
        JsonElement item = Assert.Single(FamilyReference.Cases("sd1", "clip_skip"));

        TextEmbedding embedding = new DiffusionPipeline(models.Open(models.Sd1)).EncodePrompt(
            item.GetProperty("prompt").GetString()!, new() { ClipSkip = item.GetProperty("a1111_clip_skip").GetInt32() }, TestContext.Current.CancellationToken);

        Tensor expected = FamilyReference.Tensor(item.GetProperty("embedding").GetString()!);
        double deviation = expected.Values.Zip(embedding.HiddenStates.Values, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.True(deviation <= 2e-4, $"The embedding is off by {deviation}.");
    }

    internal static Latent Denoise(DiffusionPipeline pipeline, JsonElement item, Latent? start = null, DenoiseOptions? options = null)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        options = (options ?? new DenoiseOptions()) with
        {
            Seed = item.GetProperty("seed").GetInt64(),
            Steps = item.GetProperty("steps").GetInt32(),
            GuidanceScale = item.GetProperty("guidance_scale").GetDouble(),
            Width = item.TryGetProperty("width", out JsonElement width) ? width.GetInt32() : null,
            Height = item.TryGetProperty("height", out JsonElement height) ? height.GetInt32() : null,
            Scheduler = item.GetProperty("scheduler").GetString(),
        };
        return pipeline.Denoise(
            pipeline.EncodePrompt(item.GetProperty("prompt").GetString()!, cancellationToken: cancellation),
            item.GetProperty("negative_prompt").GetString() is string negative ? pipeline.EncodePrompt(negative, cancellationToken: cancellation) : null,
            start,
            options,
            cancellationToken: cancellation);
    }
}
