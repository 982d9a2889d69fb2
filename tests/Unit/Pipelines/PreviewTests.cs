using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Previews;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>What a denoising shows of the image that it is about to make.</summary>
public sealed class PreviewTests(SharedModels models, DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Their last step goes to the predicted image itself.
    [Theory]
    [InlineData("Euler")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("DPM++ 2M")]
    [InlineData("A1111 Euler")]
    [InlineData("A1111 DPM++ 2M SDE")]
    [InlineData("LCM")]
    public void The_last_preview_is_the_image_itself(string scheduler)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Sd1));
        TextEmbedding embedding = pipeline.EncodePrompt("a", cancellationToken: Cancellation);
        List<DiffusionImage> previews = [];
        Latent latent = pipeline.Denoise(embedding, null, null, new DenoiseOptions { Seed = 1, Steps = 4, Width = 128, Height = 128, Scheduler = scheduler }, step => previews.Add(step.Preview()), Cancellation);
        Assert.Equal(4, previews.Count);
        DiffusionImage last = LatentPreview.Create(latent, LatentColors.Find("StableDiffusion1")!);
        Assert.All(last.Pixels.Zip(previews[^1].Pixels), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
        Assert.NotEqual(last.Pixels, previews[0].Pixels);
    }

    [Theory]
    [InlineData(PredictionTypes.Epsilon)]
    [InlineData(PredictionTypes.Velocity)]
    public void A_preview_is_the_clean_sample_of_the_formula(PredictionTypes type)
    {
        // With DDIM, the sample is sqrt(alpha) times the clean one and sqrt(1 - alpha) times the noise, before and after a step.
        DiffusionPipeline pipeline = new(models.Open(type == PredictionTypes.Epsilon ? models.Sd1 : models.Sd2));
        TextEmbedding embedding = pipeline.EncodePrompt("a", cancellationToken: Cancellation);
        List<Latent> samples = [];
        List<DiffusionImage> previews = [];
        DenoiseOptions options = new() { Seed = 1, Steps = 5, Width = 128, Height = 128, Scheduler = "DDIM" };
        List<float> timesteps = [];
        pipeline.Denoise(embedding, null, null, options, Keep, Cancellation);
        double[] betas = [.. Enumerable.Range(0, 1000).Select(static i => Math.Pow(Math.Sqrt(0.00085) + ((Math.Sqrt(0.012) - Math.Sqrt(0.00085)) * i / 999), 2))];
        for (int step = 1; step < samples.Count; step++)
        {
            (double from, double to) = (Alpha((int)timesteps[step]), step + 1 < timesteps.Count ? Alpha((int)timesteps[step + 1]) : Alpha(0));
            Tensor before = samples[step - 1].Tensor, after = samples[step].Tensor, clean = new([.. before.Shape]);
            for (int i = 0; i < clean.Length; i++)
            {
                // Two equations for the clean sample and the noise.
                double determinant = (Math.Sqrt(from) * Math.Sqrt(1 - to)) - (Math.Sqrt(to) * Math.Sqrt(1 - from));
                clean.Values[i] = (float)(((before.Values[i] * Math.Sqrt(1 - to)) - (after.Values[i] * Math.Sqrt(1 - from))) / determinant);
            }

            DiffusionImage expected = LatentPreview.Create(new Latent(clean, new GenerationInfo()), LatentColors.Find("StableDiffusion1")!);
            Assert.All(expected.Pixels.Zip(previews[step].Pixels), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
        }

        void Keep(StepProgress progress)
        {
            samples.Add(progress.Capture());
            previews.Add(progress.Preview());
            timesteps.Add(progress.Timestep);
        }

        double Alpha(int timestep) => betas.Take(timestep + 1).Aggregate(1.0, static (product, beta) => product * (1 - beta));
    }

    [Theory]
    [InlineData("PNDM")]
    [InlineData("DPM++ 2M SDE Karras")]
    [InlineData("A1111 DPM2 a")]
    public void Previews_change_nothing(string scheduler)
    {
        DenoiseOptions options = new() { Seed = 3, Steps = 4, Scheduler = scheduler, Prompt = "a red house" };
        int count = 0;
        DiffusionImage without = Make(null), with = Make(step => count += step.Preview().Width > 0 ? 1 : 0);
        Assert.InRange(count, 4, 20);
        Assert.Equal(without.Pixels, with.Pixels);
        Assert.Equal(without.Info, with.Info);

        DiffusionImage Make(Action<StepProgress>? progress) => demo.Pipeline.Decode(demo.Pipeline.Denoise(demo.Pipeline.EncodePrompt(options.Prompt, cancellationToken: Cancellation), null, null, options, progress, Cancellation), Cancellation);
    }

    [Fact]
    public void Latents_whose_colors_are_not_known_are_decoded()
    {
        List<string> notes = [];
        DiffusionPipeline pipeline = new(demo.Model, note: notes.Add);
        List<DiffusionImage> previews = [];
        Latent latent = pipeline.Denoise(pipeline.EncodePrompt("a red house", cancellationToken: Cancellation), null, null, new DenoiseOptions { Seed = 1, Steps = 3, Scheduler = "Euler" }, step => previews.Add(step.Preview()), Cancellation);
        DiffusionImage decoded = pipeline.Decode(latent, Cancellation);
        Assert.All(decoded.Pixels.Zip(previews[^1].Pixels), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
        Assert.Equal(decoded.Pixels, pipeline.Preview(latent, cancellationToken: Cancellation).Pixels);
        Assert.Contains("not known", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_on_the_device_shows_its_first_image()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3, Scheduler = "Euler" };
        TextEmbedding embedding = demo.Pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        List<DiffusionImage> previews = [];
        using DeviceBatches batches = demo.Pipeline.Divide([new DenoiseJob(embedding, null, null, options), new DenoiseJob(embedding, null, null, options with { Seed = 2 })], 2, cancellationToken: Cancellation);
        Latent first = Assert.Single(batches.All).Run(step => previews.Add(step.Preview()))[0].Latent!;
        Assert.All(demo.Pipeline.Decode(first, Cancellation).Pixels.Zip(previews[^1].Pixels), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
    }

    [Fact]
    public void A_preview_is_made_again_as_a_preview_with_a_warning()
    {
        DiffusionModel model = models.Open(models.Sd1);
        DiffusionPipeline pipeline = new(model);
        DiffusionImage preview = pipeline.Preview(pipeline.Denoise(pipeline.EncodePrompt("a", cancellationToken: Cancellation), null, null, new DenoiseOptions { Seed = 1, Steps = 2, Width = 128, Height = 128 }, cancellationToken: Cancellation), cancellationToken: Cancellation);
        Assert.Null(OneImage.Match(preview.Stages!));
        StageReplay replay = new(ModelLibrary.Default, (_, _, run) => run(pipeline), new ReplayImages());
        Assert.Contains(replay.Check(preview.Stages!, Cancellation), static warning => warning.Contains("preview", StringComparison.Ordinal));
        Assert.Equal(preview.Pixels, replay.Run(preview.Stages!, Cancellation).Pixels);
    }

    /// <summary>What the models of the tests predict.</summary>
    public enum PredictionTypes
    {
        /// <summary>The noise.</summary>
        Epsilon,

        /// <summary>The velocity.</summary>
        Velocity,
    }
}
