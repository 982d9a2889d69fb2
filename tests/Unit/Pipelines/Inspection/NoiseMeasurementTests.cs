using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines.Inspection;

/// <summary>The forward process and the loss of the training, against the formulas.</summary>
public sealed class NoiseMeasurementTests(SharedModels models)
{
    private static readonly int[] s_timesteps = [0, 1, 250, 500, 999];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Noise_is_added_in_the_shares_of_the_training()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Latent clean = Clean(4, 8, 8);
        foreach (int timestep in s_timesteps)
        {
            (double alpha, float[] noise) = (Alpha(timestep), Noise(clean.Tensor.Length, 7));
            Latent noised = pipeline.AddNoise(clean, timestep, seed: 7);
            for (int i = 0; i < noise.Length; i++)
                Assert.Equal((Math.Sqrt(alpha) * clean.Tensor.Values[i]) + (Math.Sqrt(1 - alpha) * noise[i]), noised.Tensor.Values[i], 1e-5);
            Assert.Equal("AddNoise", noised.Info.Stages![^1].Operation);

            // A noise level is the timestep between which it lies.
            Latent bySigma = pipeline.AddNoise(clean, null, Math.Sqrt((1 - alpha) / alpha), 7);
            Assert.All(noised.Tensor.Values.Zip(bySigma.Tensor.Values), static pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Fact]
    public void A_stage_adds_the_same_noise_again_and_a_damaged_one_is_refused()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Latent clean = Clean(4, 8, 8);
        Latent noised = pipeline.AddNoise(clean, 250, seed: 7, randomSource: RandomSource.Cuda);
        GenerationStage stage = noised.Info.Stages![^1];
        Latent again = ForwardProcess.Repeat(clean, stage);
        Assert.Equal(noised.Tensor.Values, again.Tensor.Values);
        Assert.Equal(stage.ToString(), again.Info.Stages![^1].ToString());
        foreach (string setting in (string[])["Timestep", "CleanScale", "NoiseScale", "Seed"])
        {
            GenerationStage damaged = new() { Operation = stage.Operation, Settings = stage.Settings.Where(pair => pair.Key != setting).ToDictionary() };
            Assert.Throws<NotRepeatableException>(() => ForwardProcess.Repeat(clean, damaged));
        }

        GenerationStage loud = new() { Operation = stage.Operation, Settings = stage.Settings.ToDictionary(static pair => pair.Key, static pair => pair.Key == "NoiseScale" ? 1e300 : pair.Value) };
        Assert.Throws<NotFiniteException>(() => ForwardProcess.Repeat(clean, loud));
    }

    [Fact]
    public void What_cannot_be_added_is_an_error()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Latent clean = Clean(4, 8, 8);
        Assert.Equal("Timestep", Assert.Throws<InvalidSettingException>(() => pipeline.AddNoise(clean, 1000)).Setting);
        Assert.Equal("Timestep", Assert.Throws<InvalidSettingException>(() => pipeline.AddNoise(clean, -1)).Setting);
        Assert.Equal("Timestep", Assert.Throws<InvalidSettingException>(() => pipeline.AddNoise(clean, null)).Setting);
        Assert.Equal("Sigma", Assert.Throws<InvalidSettingException>(() => pipeline.AddNoise(clean, null, double.NaN)).Setting);
        Assert.Equal("Seed", Assert.Throws<InvalidSettingException>(() => pipeline.AddNoise(clean, 1, seed: -2)).Setting);
        Assert.Throws<ShapeMismatchException>(() => pipeline.AddNoise(Clean(3, 8, 8), 1));
    }

    [Theory]
    [InlineData(nameof(SharedModels.Demo), PredictionType.Epsilon)]
    [InlineData(nameof(SharedModels.Sd1), PredictionType.Epsilon)]
    [InlineData(nameof(SharedModels.Sd2), PredictionType.Velocity)]
    [InlineData(nameof(SharedModels.Large), PredictionType.Epsilon)]
    public void The_loss_is_the_mean_square_error_of_the_raw_output(string name, PredictionType type)
    {
        DiffusionModel model = models.Open(models.Find(name));
        DiffusionPipeline pipeline = new(model);
        TextEmbedding embedding = pipeline.EncodePrompt("a red house on the grass", cancellationToken: Cancellation);
        Latent clean = Clean(4, 8, 8);
        List<NoisePredictionLoss> losses = [];
        pipeline.MeasureNoisePrediction(clean, embedding, s_timesteps, repeat: 2, seed: 5, RandomSource.TorchCpu, losses.Add, cancellationToken: Cancellation);

        Assert.Equal(s_timesteps, losses.Select(static loss => loss.Timestep));
        foreach (NoisePredictionLoss loss in losses)
        {
            double alpha = Alpha(loss.Timestep);
            double[] expected = [.. new long[] { 5, 6 }.Select(seed =>
            {
                float[] noise = Noise(clean.Tensor.Length, seed);
                double[] target = [.. noise.Zip(clean.Tensor.Values, (e, x) => type == PredictionType.Velocity ? (Math.Sqrt(alpha) * e) - (Math.Sqrt(1 - alpha) * x) : e)];
                float[] sample = [.. noise.Zip(clean.Tensor.Values, (e, x) => (float)((Math.Sqrt(alpha) * x) + (Math.Sqrt(1 - alpha) * e)))];
                return Predict(model, embedding, sample, loss.Timestep).Zip(target).Average(static pair => (pair.First - pair.Second) * (pair.First - pair.Second));
            })];
            Assert.Equal(type, loss.PredictionType);
            Assert.Equal(expected.Average(), loss.Loss, 1e-4 * Math.Max(expected.Average(), 1e-3));
            Assert.Equal(Math.Abs(expected[0] - expected[1]) / Math.Sqrt(2), loss.StandardDeviation, 1e-4 * Math.Max(expected.Average(), 1e-3));
            Assert.Equal(alpha, loss.AlphaCumprod, 1e-5);
            Assert.Equal(Noise(clean.Tensor.Length, 5), loss.Noise.Values);
            for (int i = 0; i < clean.Tensor.Length; i++)
                Assert.Equal(loss.Noised.Tensor.Values[i], (Math.Sqrt(loss.AlphaCumprod) * loss.Denoised.Tensor.Values[i]) + (Math.Sqrt(1 - loss.AlphaCumprod) * loss.NoisePrediction.Values[i]), 1e-5);
            if (type == PredictionType.Epsilon)
                Assert.Equal(loss.Loss, loss.NoiseLoss, 1e-6 * Math.Max(loss.Loss, 1));
        }
    }

    [Fact]
    public void The_model_has_learned_what_a_prompt_means()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding prompt = pipeline.EncodePrompt("a red house on the grass in daylight with the sun", cancellationToken: Cancellation);
        TextEmbedding other = pipeline.EncodePrompt("a blue fish on the sea at night", cancellationToken: Cancellation);
        Latent image = pipeline.Denoise(prompt, null, null, new DenoiseOptions { Seed = 2 }, cancellationToken: Cancellation);
        Assert.InRange(Mean(prompt), 0, 0.9 * Mean(other));

        double Mean(TextEmbedding embedding)
        {
            List<double> losses = [];
            pipeline.MeasureNoisePrediction(image, embedding, pipeline.SpreadTimesteps(5), repeat: 2, seed: 1, RandomSource.TorchCpu, loss => losses.Add(loss.Loss), cancellationToken: Cancellation);
            return losses.Average();
        }
    }

    [Fact]
    public void Timesteps_are_spread_over_the_training()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Assert.Equal([500], pipeline.SpreadTimesteps(1));
        Assert.Equal([100, 300, 500, 700, 900], pipeline.SpreadTimesteps(5));
        Assert.Equal(Enumerable.Range(0, 1000), pipeline.SpreadTimesteps(1000));
        Assert.Throws<InvalidSettingException>(() => pipeline.SpreadTimesteps(1001));
    }

    [Fact]
    public void A_U_Net_that_takes_an_image_as_well_is_refused()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Inpainting));
        TextEmbedding embedding = pipeline.EncodePrompt("a", cancellationToken: Cancellation);
        Assert.Throws<ModelInvalidException>(() => pipeline.MeasureNoisePrediction(Clean(4, 8, 8), embedding, [1], 1, 1, RandomSource.TorchCpu, static _ => { }, cancellationToken: Cancellation));
    }

    private static float[] Predict(DiffusionModel model, TextEmbedding embedding, float[] sample, int timestep)
    {
        UNet unet = model.OpenUNet(null, Cancellation);
        using UNetInput input = unet.CreateInput(8, 8, added: null);
        GenerationInfo size = new() { Width = 8 * model.Info.LatentFactor, Height = 8 * model.Info.LatentFactor };
        using UNetPrediction prediction = unet.Bind(input, embedding.Vectors, TimeIds.Of(model.Family, size, isNegative: false));
        sample.CopyTo(input.Sample.Values);
        input.Upload(timestep);
        return prediction.Run(0, Cancellation).ToArray();
    }

    private static Latent Clean(int channels, int height, int width)
    {
        Tensor values = new(1, channels, height, width);
        for (int i = 0; i < values.Length; i++)
            values.Values[i] = (float)Math.Sin(0.37 * i);
        return new Latent(values, new GenerationInfo());
    }

    private static float[] Noise(int length, long seed)
    {
        float[] noise = new float[length];
        new TorchRandom(seed).Normal(noise);
        return noise;
    }

    // Betas whose roots are spaced evenly: those of Stable Diffusion, and of the models of these tests.
    private static double Alpha(int last)
    {
        double product = 1;
        for (int timestep = 0; timestep <= last; timestep++)
        {
            double root = Math.Sqrt(0.00085) + (timestep * (Math.Sqrt(0.012) - Math.Sqrt(0.00085)) / 999);
            product *= 1 - (root * root);
        }

        return product;
    }
}
