using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines.Inspection;

/// <summary>What the U-Net predicts in each step of a denoising.</summary>
public sealed class StepLatentTests(SharedModels models)
{
    private const double Tolerance = 1e-5;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(SharedModels.Demo), "DDIM", null)]
    [InlineData(nameof(SharedModels.Demo), "DDIM", "sample")]
    [InlineData(nameof(SharedModels.Demo), "DDIM", "v_prediction")]
    [InlineData(nameof(SharedModels.Demo), "Euler", null)]
    [InlineData(nameof(SharedModels.Demo), "Euler", "v_prediction")]
    [InlineData(nameof(SharedModels.Demo), "Euler", "sample")]
    [InlineData(nameof(SharedModels.Demo), "A1111 Euler a", null)]
    [InlineData(nameof(SharedModels.Demo), "DPM++ 2M Karras", null)]
    [InlineData(nameof(SharedModels.Demo), "DPM++ 2M", "flow_prediction")]
    [InlineData(nameof(SharedModels.Demo), "Flow Match Euler", null)]
    [InlineData(nameof(SharedModels.Demo), "Heun", null)]
    [InlineData(nameof(SharedModels.Demo), "PLMS", null)]
    [InlineData(nameof(SharedModels.Sd2), "DDIM", null)]
    [InlineData(nameof(SharedModels.Sd2), "DPM++ 2M", null)]
    public void The_sample_is_the_sum_of_the_clean_latent_and_the_noise(string model, string scheduler, string? type)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Find(model)));
        TextEmbedding embedding = pipeline.EncodePrompt("a purple heart on white", cancellationToken: Cancellation);
        Dictionary<string, object?> given = [];
        if (type is not null)
            given["prediction_type"] = type;
        if (type == "flow_prediction")
            given["use_flow_sigmas"] = true;
        DenoiseOptions options = new() { Seed = 3, Steps = 5, Scheduler = scheduler, GuidanceScale = 4, Width = 64, Height = 64, SchedulerOptions = SchedulerOptionText.Write(given) };
        List<StepLatent> steps = [];

        Latent traced = pipeline.Denoise(embedding, null, null, options with { KeepsPredictions = true }, step => steps.Add((StepLatent)step.Capture()), Cancellation);

        Assert.NotEmpty(steps);
        Assert.All(steps, step =>
        {
            double largest = Math.Max(step.Sample.Values.Max(Math.Abs), 1), noisiest = Math.Max(step.NoisePrediction.Values.Max(Math.Abs), 1);
            for (int i = 0; i < step.Sample.Length; i++)
            {
                Assert.Equal(step.Sample.Values[i], (step.CleanScale * step.Denoised.Tensor.Values[i]) + (step.NoiseScale * step.NoisePrediction.Values[i]), Tolerance * largest);
                float without = step.UnconditionalPrediction!.Values[i];
                Assert.Equal(step.NoisePrediction.Values[i], without + (4 * (step.ConditionalPrediction.Values[i] - without)), 2 * Tolerance * noisiest);
            }

            Assert.Equal(Math.Sqrt(step.NoisePrediction.Values.Sum(static value => (double)value * value)), step.PredictionNorm, 1e-4 * step.PredictionNorm);
            Assert.Equal(Math.Sqrt(step.ConditionalPrediction.Values.Zip(step.UnconditionalPrediction!.Values).Sum(static pair => Math.Pow(pair.First - pair.Second, 2))), step.GuidanceNorm!.Value, 1e-3 * step.GuidanceNorm.Value);
        });

        // To look changes nothing.
        Assert.Equal(pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation).Tensor.Values, traced.Tensor.Values);
        Assert.Equal(traced.Tensor.Values, steps[^1].Tensor.Values);
    }

    [Fact]
    public void A_step_of_DDIM_follows_from_the_prediction()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        List<StepLatent> steps = [];
        pipeline.Denoise(embedding, null, null, new DenoiseOptions { Seed = 1, Steps = 4, Scheduler = "DDIM", KeepsPredictions = true }, step => steps.Add((StepLatent)step.Capture()), Cancellation);
        foreach ((StepLatent step, StepLatent next) in steps.Zip(steps.Skip(1)))
        {
            Assert.Equal(step.Tensor.Values, next.Sample.Values);
            for (int i = 0; i < step.Tensor.Length; i++)
                Assert.Equal(step.Tensor.Values[i], (next.CleanScale * step.Denoised.Tensor.Values[i]) + (next.NoiseScale * step.NoisePrediction.Values[i]), 1e-4);
        }
    }

    [Fact]
    public void Without_guidance_there_is_one_prediction_and_without_the_option_none()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 2, GuidanceScale = 1 };
        StepLatent step = Assert.IsType<StepLatent>(pipeline.Denoise(embedding, null, null, options with { KeepsPredictions = true }, cancellationToken: Cancellation));
        Assert.Null(step.UnconditionalPrediction);
        Assert.Null(step.GuidanceNorm);
        Assert.Equal(step.ConditionalPrediction.Values, step.NoisePrediction.Values);
        Assert.IsType<Latent>(pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation));
    }
}
