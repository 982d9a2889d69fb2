using System.Text.Json.Nodes;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Models that take the guidance scale as an input (LCM), made from the reference's tiny Stable Diffusion 1.</summary>
public sealed class LatentConsistencyTests(SharedModels models, LatentConsistencyTests.SmallModel lcm) : IClassFixture<LatentConsistencyTests.SmallModel>
{
    private const int Width = 16;

    private readonly List<string> _warnings = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The numbers are those of NumPy in 64-bit floats, of the angles in 32-bit floats.</summary>
    [Theory]
    [InlineData(8.5, new[] { -0.851236f, 0.562671f, -0.435235f, 0.681639f, -0.524783f, -0.826681f, -0.900317f, 0.731689f })]
    [InlineData(1, new[] { 0f, 0f, 0f, 1f, 1f, 1f })]
    [InlineData(3.25, new[] { 0.580758f, -0.691234f, -0.990889f, 0.223106f, 0.814076f, -0.722631f, 0.134679f, 0.974794f })]
    public void The_embedding_of_a_guidance_scale_is_that_of_diffusers(double scale, float[] expected)
    {
        Tensor embedding = GuidanceEmbedding.Of(scale, expected.Length);

        Assert.Equal([1, expected.Length], embedding.Shape);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], embedding.Values[i], 2e-4);
    }

    [Fact]
    public void Rows_of_a_batch_on_the_device_have_guidance_scales_of_their_own()
    {
        DiffusionPipeline pipeline = new(lcm.Model);
        TextEmbedding prompt = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseJob[] jobs = [.. ((double[])[1, 3, 8.5]).Select(scale => new DenoiseJob(prompt, null, null, new() { Seed = 1, Steps = 2, Width = 64, Height = 64, Scheduler = "LCM", GuidanceScale = scale }))];
        using DeviceBatches batches = pipeline.Divide(jobs, 3, cancellationToken: Cancellation);

        foreach (DenoiseResult result in Assert.Single(batches.All).Run())
            LatentCheck.AssertClose(pipeline.Denoise(prompt, null, null, jobs[result.Job].Options, cancellationToken: Cancellation).Tensor, result.Latent!, 1e-5);
    }

    /// <summary>The projection is such that it turns the waves of timestep 300 into those of 500, at a guidance scale of 3.</summary>
    [Fact]
    public void The_projected_embedding_is_added_to_the_waves_of_the_timestep()
    {
        UNet plain = models.Open(models.Sd1Folder).OpenUNet(null, Cancellation), guided = lcm.Model.OpenUNet(null, Cancellation);
        TextVectors text = new DiffusionPipeline(lcm.Model).EncodePrompt("a", cancellationToken: Cancellation).Vectors;

        Assert.True(guided.TakesGuidance);
        Assert.False(plain.TakesGuidance);
        float[] expected = Predict(plain, 500, 1), actual = Predict(guided, 300, 3);
        float magnitude = expected.Average(Math.Abs);
        Assert.InRange(expected.Zip(actual, static (a, b) => Math.Abs(a - b)).Max() / magnitude, 0, 1e-4);
        Assert.InRange(expected.Zip(Predict(guided, 300, 4), static (a, b) => Math.Abs(a - b)).Max() / magnitude, 1e-3, 10);

        float[] Predict(UNet unet, float timestep, double scale)
        {
            using UNetInput input = unet.CreateInput(8, 8, added: null, scale);
            using UNetPrediction prediction = unet.Bind(input, text, []);
            Random random = new(1);
            foreach (ref float value in input.Sample.Values.AsSpan())
                value = (float)((random.NextDouble() * 2) - 1);
            input.Upload(timestep);
            return prediction.Run(0, Cancellation).ToArray();
        }
    }

    [Fact]
    public void The_guidance_scale_is_used_without_a_prediction_for_the_negative_prompt()
    {
        DiffusionPipeline pipeline = new(lcm.Model, warning: _warnings.Add);
        TextEmbedding prompt = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        TextEmbedding negative = pipeline.EncodePrompt("a blue fish", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1 };

        Latent latent = pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation);
        Assert.Equal((4, 8.5, "LCM"), (latent.Steps, latent.GuidanceScale, latent.Scheduler));
        Assert.Empty(_warnings);
        Assert.Equal(latent.Tensor.Values, pipeline.Denoise(prompt, negative, null, options, cancellationToken: Cancellation).Tensor.Values);
        Assert.Contains("the negative prompt has no effect", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.NotEqual(latent.Tensor.Values, pipeline.Denoise(prompt, null, null, options with { GuidanceScale = 1 }, cancellationToken: Cancellation).Tensor.Values);
        Assert.NotEqual(latent.Tensor.Values, pipeline.Denoise(prompt, null, null, options with { FeatureReuse = 2 }, cancellationToken: Cancellation).Tensor.Values);
    }

    [Fact]
    public void Settings_of_a_second_prediction_are_refused_by_name()
    {
        DiffusionPipeline pipeline = new(lcm.Model);
        TextEmbedding prompt = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1 };

        foreach ((string setting, DenoiseOptions wrong) in new[] { ("GuidanceEnd", options with { GuidanceEnd = 0.5 }), ("GuidanceStart", options with { GuidanceStart = 0.5 }), ("GuidanceSigmaMin", options with { GuidanceSigmaMin = 0.5 }), ("GuidanceSigmaMax", options with { GuidanceSigmaMax = 5 }), ("GuidanceRescale", options with { GuidanceRescale = 0.5 }) })
            Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => pipeline.Denoise(prompt, null, null, wrong, cancellationToken: Cancellation)).Setting);
        TextEmbedding two = pipeline.EncodePrompt("a house AND a tree", new PromptOptions { Syntax = PromptSyntax.A1111 }, Cancellation);
        Assert.Contains("AND", Assert.Throws<InvalidSettingException>(() => pipeline.Denoise(two, null, null, options, cancellationToken: Cancellation)).Message, StringComparison.Ordinal);
    }

    /// <summary>The tiny Stable Diffusion 1 with a projection of the guidance scale.</summary>
    public sealed class SmallModel : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public SmallModel()
        {
            string source = FamilyReference.Find("sd1-diffusers");
            foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            {
                string copy = _folder[Path.Combine("lcm", Path.GetRelativePath(source, file))];
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            Edit("model_index.json", static index => index["_class_name"] = "LatentConsistencyModelPipeline");
            Edit(Path.Combine("scheduler", "scheduler_config.json"), static scheduler => scheduler["_class_name"] = "LCMScheduler");
            Edit(Path.Combine(ModelParts.UNet, ModelParts.Config), static unet => unet["time_cond_proj_dim"] = Width);
            string weights = _folder[Path.Combine("lcm", ModelParts.UNet, "diffusion_pytorch_model.safetensors")];
            Dictionary<string, Tensor> tensors;
            using (SafetensorsFile file = SafetensorsFile.Open(weights))
                tensors = file.Tensors.Keys.ToDictionary(key => key, file.Read);
            UNetConfig config = UNetConfig.Read(_folder[Path.Combine("lcm", ModelParts.UNet, ModelParts.Config)]);
            tensors.Add("time_embedding.cond_proj.weight", Projection(config));
            SafetensorsWriter.Write(weights, tensors);
            string built = ModelBuilder.Build(DiffusersFolder.Find(_folder["lcm"]), _folder["built"], null, CancellationToken.None);
            Model = new DiffusionModel(ModelReader.Read(built, built), Device.Cpu);
        }

        /// <summary>The open model.</summary>
        internal DiffusionModel Model { get; }

        /// <inheritdoc/>
        public void Dispose()
        {
            Model.Dispose();
            _folder.Dispose();
        }

        private static Tensor Projection(UNetConfig config)
        {
            int channels = config.BlockChannels[0];
            float[] scale = GuidanceEmbedding.Of(3, Width).Values, difference = [.. Waves(500, channels).Zip(Waves(300, channels), static (a, b) => (float)(a - b))];
            float square = scale.Sum(static value => value * value);
            return new Tensor([.. difference.SelectMany(value => scale.Select(other => value * other / square))], channels, Width);
        }

        // Cosines first, as the config of the model says (Ho et al., 2020).
        private static IEnumerable<double> Waves(double timestep, int channels)
        {
            int half = channels / 2;
            double[] angles = [.. Enumerable.Range(0, half).Select(i => timestep * Math.Exp(-Math.Log(10000) * i / half))];
            return angles.Select(Math.Cos).Concat(angles.Select(Math.Sin));
        }

        private void Edit(string file, Action<JsonObject> edit)
        {
            string path = _folder[Path.Combine("lcm", file)];
            JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            edit(json);
            File.WriteAllText(path, json.ToJsonString());
        }
    }
}
