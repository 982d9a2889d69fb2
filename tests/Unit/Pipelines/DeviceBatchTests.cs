using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// Denoisings that go through the U-Net together, against each of them alone. That the loop itself gives the same bits,
/// <see cref="Denoising.BatchLoopTests"/> shows; here a matrix product of more rows adds in another order.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class DeviceBatchTests(SharedModels models) : IDisposable
{
    /// <summary>What the rounding of one call makes.</summary>
    internal const double Tolerance = 1e-5;

    /// <summary>What the rounding of a call becomes in a whole denoising; the same as against the reference.</summary>
    internal const double WholeTolerance = 1e-3;
    private const string House = "a red house on the grass in daylight with the sun on the left";
    private const string Fish = "a blue fish on the sea";

    private readonly List<string> _notes = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Environment.SetEnvironmentVariable(MemoryLimit.Variable, null);

    [Theory]
    [InlineData("DDIM")]
    [InlineData("PLMS")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("LMS Karras")]
    [InlineData("DPM++ 2M SDE Karras")]
    [InlineData("A1111 DPM++ 3M SDE")]
    [InlineData("UniPC")]
    public void Rows_give_the_latents_that_they_give_alone(string scheduler)
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseOptions options = new() { Seed = 7, Steps = 5, Scheduler = scheduler, GuidanceScale = 5 };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, Fish, options with { Seed = 8, GuidanceScale = 2.5, GuidanceRescale = 0.5 }, negative: House),
            Job(pipeline, Fish, options with { Seed = 9, GuidanceScale = 1 }),
            Job(pipeline, House, options with { Seed = 7, GuidanceStart = 0.4, GuidanceEnd = 0.8 }, negative: "night"),
        ];

        DeviceBatch batch = Assert.Single(Compare(pipeline, jobs, size: 4, WholeTolerance));

        Assert.Equal([0, 1, 2, 3], batch.Jobs);
    }

    [Fact]
    public void Rows_of_several_schedulers_starts_and_noises_go_together_if_they_have_as_many_calls()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DiffusionImage image = pipeline.Decode(pipeline.Denoise(pipeline.EncodePrompt(House, cancellationToken: Cancellation), null, null, new() { Seed = 1, Steps = 4 }, cancellationToken: Cancellation), Cancellation);
        MaskImage mask = new(64, 64, [.. Enumerable.Range(0, 64 * 64).Select(static i => (byte)(i % 64 < 32 ? 255 : 0))]);
        Latent start = pipeline.EncodeImage(image, seed: 3, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 6, Scheduler = "Euler a", GuidanceScale = 4 };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, House, options with { Scheduler = "DPM++ 2M SDE Karras", RandomSource = nameof(RandomSource.Cuda) }),
            Job(pipeline, Fish, options with { Strength = 0.5, Steps = 12, Scheduler = "DDIM" }, start: start),
            Job(pipeline, Fish, options with { Strength = 0.5, Steps = 12, Mask = mask }, start: start),
            Job(pipeline, House, options with { BatchSize = 3, BatchIndex = 2 }),
            Job(pipeline, House, options with { VariationSeed = 5, VariationStrength = 0.3 }),
            Job(pipeline, House, options with { Steps = 7 }),
            Job(pipeline, House, options with { Width = 80 }),
            Job(pipeline, "a [red:blue:0.5] house", options, syntax: PromptSyntax.A1111),
            Job(pipeline, string.Join(", ", Enumerable.Repeat(House, 8)), options, syntax: PromptSyntax.A1111),
            Job(pipeline, House, options with { StopStep = 6, Steps = 9 }),
            Job(pipeline, House, new() { GuidanceScale = 4 }, start: pipeline.Denoise(pipeline.EncodePrompt(House, cancellationToken: Cancellation), null, null, options with { Steps = 9, StopStep = 3 }, cancellationToken: Cancellation)),
        ];

        IReadOnlyList<DeviceBatch> batches = Compare(pipeline, jobs, size: 64, WholeTolerance);

        Assert.Equal([[0, 1, 2, 3, 4, 5, 8, 10, 11], [6], [7], [9]], batches.Select(static batch => batch.Jobs));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Batches_have_the_most_rows_that_are_wanted(int size)
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseJob[] jobs = [.. Enumerable.Range(0, 7).Select(i => Job(pipeline, House, new() { Seed = i, Steps = 2 }))];

        Assert.Equal(Enumerable.Range(0, 7).Chunk(size), Compare(pipeline, jobs, size, WholeTolerance).Select(static batch => batch.Jobs));
    }

    [Theory]
    [InlineData(nameof(SharedModels.Sd2))]
    [InlineData(nameof(SharedModels.Large))]
    [InlineData(nameof(SharedModels.Refiner))]
    [InlineData(nameof(SharedModels.Inpainting))]
    [InlineData(nameof(SharedModels.HalfDemo))]
    public void Rows_of_every_family_give_the_latents_that_they_give_alone(string kind)
    {
        DiffusionPipeline pipeline = Pipeline(models.Find(kind));
        bool isInpainting = kind == nameof(SharedModels.Inpainting);
        DenoiseOptions options = new() { Seed = 7, Steps = 2, Scheduler = "Euler a", GuidanceScale = 2, Width = 64, Height = 64 };
        MicroConditioning? sizes = kind is nameof(SharedModels.Large) or nameof(SharedModels.Refiner) ? new() { OriginalWidth = 512, CropTop = 8 } : null;
        DiffusionImage image = new(64, 64, [.. Enumerable.Range(0, 64 * 64 * 3).Select(static i => (byte)(i * 7))]);
        Latent? start = isInpainting ? pipeline.EncodeImage(image, seed: 8, cancellationToken: Cancellation) : null;
        MaskImage? mask = isInpainting ? new(64, 64, [.. Enumerable.Range(0, 64 * 64).Select(static i => (byte)(i < 2048 ? 255 : 0))]) : null;
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, Fish, options with { Seed = 8, MicroConditioning = sizes, Mask = mask, Strength = isInpainting ? 1 : null, Width = start is null ? 64 : null, Height = start is null ? 64 : null }, negative: House, start: start),
            Job(pipeline, Fish, options with { Seed = 9, GuidanceScale = 1 }),
        ];

        // Half precision rounds what goes in and out to 11 bits.
        Assert.Single(Compare(pipeline, jobs, size: 3, kind == nameof(SharedModels.HalfDemo) ? WholeTolerance : Tolerance));
    }

    [Fact]
    public void Both_sides_of_the_guidance_in_one_call_give_the_same()
    {
        DiffusionModel model = models.Open(models.Demo);
        DiffusionPipeline pipeline = new(model);
        UNet unet = model.OpenUNet(null, Cancellation);
        DenoiseOptions options = new() { Seed = 7, Steps = 4, Scheduler = "Euler", GuidanceScale = 5 };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, Fish, options with { GuidanceStart = 0.5 }, negative: string.Join(", ", Enumerable.Repeat(House, 8)), syntax: PromptSyntax.A1111),
            Job(pipeline, Fish, options with { GuidanceScale = 1 }),
        ];
        DenoiseRow[] rows = [.. jobs.Select(job => new DenoiseRow(pipeline.Prepare(job.Embedding, job.Negative, null, job.Options, unet, Cancellation).Request, unet))];

        new Denoiser(unet).Run(rows, joinsSides: true, afterCall: null, Cancellation);

        for (int i = 0; i < jobs.Length; i++)
            LatentCheck.AssertClose(Alone(pipeline, jobs[i]).Tensor, new Latent(rows[i].Finish(), new()), Tolerance);
    }

    [Theory]
    [InlineData("DDIM")]
    [InlineData("Heun")]
    [InlineData("DPM++ 2M SDE Karras")]
    public void Rows_that_reuse_features_give_the_latents_that_they_give_alone(string scheduler)
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseOptions options = new() { Seed = 7, Steps = 7, Scheduler = scheduler, GuidanceScale = 5, FeatureReuse = 3 };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, Fish, options with { Seed = 8, GuidanceScale = 2.5, GuidanceRescale = 0.5 }, negative: House),
            Job(pipeline, Fish, options with { GuidanceScale = 1 }),
            Job(pipeline, House, options with { Seed = 9, GuidanceStart = 0.4 }),
            Job(pipeline, Fish, options with { Seed = 10, GuidanceStart = 0.4 }),
            Job(pipeline, House, options with { FeatureReuse = 2, FeatureReuseBranch = 1 }),
            Job(pipeline, Fish, options with { FeatureReuse = 2, FeatureReuseBranch = 1, Seed = 11 }),
            Job(pipeline, Fish, options with { FeatureReuse = null }),
            Job(pipeline, House, options with { GuidanceSigmaMax = 2, Seed = 12 }),
            Job(pipeline, Fish, options with { GuidanceSigmaMax = 2, Seed = 13 }),
        ];

        Assert.Equal([[0, 1], [2], [3, 4], [5, 6], [7], [8, 9]], Compare(pipeline, jobs, size: 4, WholeTolerance).Select(static batch => batch.Jobs));
        Assert.Empty(_notes);
    }

    [Fact]
    public void Reused_features_are_kept_for_each_side_of_the_guidance()
    {
        DiffusionModel model = models.Open(models.Demo);
        DiffusionPipeline pipeline = new(model);
        UNet unet = model.OpenUNet(null, Cancellation);
        DenoiseOptions options = new() { Seed = 7, Steps = 6, Scheduler = "Euler", GuidanceScale = 5, FeatureReuse = 2, GuidanceStart = 0.5 };
        DenoiseJob[] jobs = [Job(pipeline, House, options), Job(pipeline, Fish, options with { Seed = 8 }, negative: House)];
        DenoiseRow[] rows = [.. jobs.Select(job => new DenoiseRow(pipeline.Prepare(job.Embedding, job.Negative, null, job.Options, unet, Cancellation).Request, unet))];

        new Denoiser(unet).Run(rows, joinsSides: true, afterCall: null, Cancellation);

        for (int i = 0; i < jobs.Length; i++)
            LatentCheck.AssertClose(Alone(pipeline, jobs[i]).Tensor, new Latent(rows[i].Finish(), new()), Tolerance);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_with_ControlNets_have_images_of_their_own(bool joinsSides)
    {
        string net = Repository.Data("adapters", "sd1-controlnet");
        DiffusionImage picture = ImageFile.Read(Repository.Data("adapters", "control.png"));
        DiffusionImage other = new(64, 64, [.. Enumerable.Range(0, 64 * 64 * 3).Select(static i => (byte)(i * 7))]);
        DiffusionModel model = models.Open(models.Sd1);
        DiffusionPipeline pipeline = new(model, note: _notes.Add);

        // At full strength, this untrained ControlNet makes 4e-4 of a guidance scale that is changed by a millionth.
        DenoiseOptions options = new() { Seed = 21, Steps = 2, Scheduler = "DDIM", GuidanceScale = 2, Width = 64, Height = 64, Controls = [new ControlOptions(net, picture) { Scale = 0.1 }] };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, Fish, options with { Controls = [new ControlOptions(net, other) { Scale = 0.1 }] }, negative: House),
            Job(pipeline, House, options with { Seed = 22, GuidanceScale = 1 }),
            Job(pipeline, House, options with { Controls = [new ControlOptions(net, picture) { Scale = 0.1, Start = 0.5 }] }),
            Job(pipeline, House, options with { Controls = [new ControlOptions(net, picture) { Scale = 0.1, Start = 0.3, End = 0.4 }] }),
            Job(pipeline, House, options with { Controls = [new ControlOptions(net, other) { Scale = 0.2 }] }),
            Job(pipeline, House, options with { Controls = [] }),
            Job(pipeline, House, options with { Controls = [new ControlOptions(net, picture) { Scale = 0.1, End = 0.5 }, new ControlOptions(net, other) { Scale = 0.2, Start = 0.5 }] }),
            Job(pipeline, Fish, options with { Controls = [new ControlOptions(net, other) { Scale = 0.1 }, new ControlOptions(net, picture) { Scale = 0.2 }] }),
        ];

        Assert.Equal([[0, 1, 2, 3, 4], [5], [6], [7, 8]], Compare(pipeline, jobs, size: 8).Select(static batch => batch.Jobs));
        Assert.Empty(_notes);

        // Each image has an effect of its own.
        UNet unet = model.OpenControlledUNet(null, Cancellation);
        DenoiseRow[] rows = [.. jobs[..5].Select(job => new DenoiseRow(pipeline.Prepare(job.Embedding, job.Negative, null, job.Options, unet, Cancellation).Request, unet))];
        new Denoiser(unet).Run(rows, joinsSides, afterCall: null, Cancellation);
        for (int i = 0; i < rows.Length; i++)
            LatentCheck.AssertClose(Alone(pipeline, jobs[i]).Tensor, new Latent(rows[i].Finish(), new()), Tolerance);
        Assert.NotEqual(Alone(pipeline, jobs[3]).Tensor.Values, Alone(pipeline, jobs[4]).Tensor.Values);
        Assert.NotEqual(Alone(pipeline, jobs[1]).Tensor.Values, Alone(pipeline, jobs[1] with { Options = jobs[0].Options }).Tensor.Values);
    }

    [Fact]
    public void What_the_graph_cannot_take_in_a_row_is_made_alone()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseOptions options = new() { Seed = 7, Steps = 2, GuidanceScale = 3 };
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, "a house AND a fish :0.5", options, syntax: PromptSyntax.A1111),
            Job(pipeline, "a [red:blue:0.5] house", options with { FeatureReuse = 2 }, syntax: PromptSyntax.A1111),
            Job(pipeline, House, options with { Seed = 8 }),
        ];

        IReadOnlyList<DeviceBatch> batches = Compare(pipeline, jobs, size: 4, WholeTolerance);

        Assert.Equal([[0, 3], [1], [2]], batches.Select(static batch => batch.Jobs));
        Assert.Equal(
            ["The image is denoised alone, since its prompt is composed of several (AND).", "The image is denoised alone, since it reuses features for a prompt that changes with the steps."],
            _notes);

        _notes.Clear();
        DiffusionPipeline edit = Pipeline(models.Edit);
        Latent start = edit.EncodeImage(new DiffusionImage(64, 64, new byte[64 * 64 * 3]), seed: null, cancellationToken: Cancellation);
        Assert.Equal(2, Compare(edit, [Job(edit, House, options, start: start), Job(edit, Fish, options, start: start)], size: 4).Count);
        Assert.All(_notes, static note => Assert.Contains("by instructions", note, StringComparison.Ordinal));
        Assert.Equal(2, _notes.Count);
    }

    [Fact]
    public void A_row_that_fails_fails_alone()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseOptions options = new() { Seed = 7, Steps = 3, Scheduler = "Euler", GuidanceScale = 3 };
        TextEmbedding broken = pipeline.EncodePrompt(Fish, cancellationToken: Cancellation);
        DenoiseJob[] jobs =
        [
            Job(pipeline, House, options),
            Job(pipeline, House, options with { StartStep = 2 }),
            Job(pipeline, House, options) with { Embedding = broken },
            Job(pipeline, Fish, options with { Seed = 8 }),
        ];

        // After the check of the embedding.
        using DeviceBatches batches = pipeline.Divide(jobs, 4, cancellationToken: Cancellation);
        Array.Fill(broken.HiddenStates.Values, float.NaN);
        DenoiseResult[] results = [.. batches.All.SelectMany(static batch => batch.Run()).OrderBy(static result => result.Job)];

        Assert.Equal([[0, 2, 3], [1]], batches.All.Select(static batch => batch.Jobs));
        Assert.Equal("StartStep", Assert.IsType<InvalidSettingException>(results[1].Error).Setting);
        Assert.Contains("not finite", Assert.IsType<InferenceException>(results[2].Error).Message, StringComparison.Ordinal);
        Assert.All([results[1], results[2]], static result => Assert.Null(result.Latent));
        foreach (int row in (int[])[0, 3])
            LatentCheck.AssertClose(Alone(pipeline, jobs[row]).Tensor, results[row].Latent!, Tolerance);
    }

    [Fact]
    public void Where_the_graph_fails_for_a_batch_its_images_are_made_one_by_one()
    {
        using TemporaryFolder folder = new();

        // It leaves the number of timesteps open, as some exporters do, and takes one.
        using DiffusionModel model = ChangedUNet.OpenForOneTimestep(models.Demo, folder);
        DiffusionPipeline pipeline = new(model, note: _notes.Add);
        DenoiseJob[] jobs = [.. Enumerable.Range(0, 3).Select(i => Job(pipeline, House, new() { Seed = i, Steps = 2, Scheduler = "Euler a" }))];
        using DeviceBatches batches = pipeline.Divide(jobs, 3, cancellationToken: Cancellation);

        IReadOnlyList<DenoiseResult> results = Assert.Single(batches.All).Run();

        Assert.StartsWith("The batch of 3 failed, so its images are made one by one.", _notes[0], StringComparison.Ordinal);
        for (int i = 0; i < jobs.Length; i++)
        {
            Assert.Equal(Alone(Pipeline(models.Demo), jobs[i]).Tensor.Values, results[i].Latent!.Tensor.Values);
            Assert.Equal(Reproducibility.Exact, results[i].Latent!.Reproducibility);
        }
    }

    [Fact]
    public void A_cancelled_batch_ends()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        using CancellationTokenSource source = new();
        DenoiseJob[] jobs = [.. Enumerable.Range(0, 2).Select(i => Job(pipeline, House, new() { Seed = i, Steps = 1000 }))];
        using DeviceBatches batches = pipeline.Divide(jobs, 2, cancellationToken: source.Token);

        Assert.ThrowsAny<OperationCanceledException>(() => batches.All[0].Run(progress =>
        {
            Assert.Equal((1, 1000), (progress.Step, progress.StepCount));
            source.Cancel();
        }));
    }

    [Fact]
    public void A_batch_that_does_not_fit_into_memory_has_fewer_rows()
    {
        using DiffusionModel model = new(ModelReader.Read(models.Demo, models.Demo, Cancellation), Device.Cpu);
        DiffusionPipeline pipeline = new(model, note: _notes.Add);
        DenoiseJob[] jobs = [.. Enumerable.Range(0, 60).Select(i => Job(pipeline, House, new() { Seed = i, Steps = 1, Width = 1024, Height = 1024 }))];
        long each = new MemoryEstimate(model, new VaeOptions()).Steps(1024, 1024);
        using (DeviceBatches before = pipeline.Divide(jobs, 60, cancellationToken: Cancellation))
            Assert.Equal(60, before.All[0].Jobs.Count);

        GC.Collect();
        long limit = (MemoryWatch.UsedBytes()!.Value + (each * 30)) >> 20;
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, limit.ToString(System.Globalization.CultureInfo.InvariantCulture));
        using DeviceBatches batches = pipeline.Divide(jobs, 60, cancellationToken: Cancellation);

        Assert.InRange(batches.All[0].Jobs.Count, 2, 32);
        Assert.Equal(Enumerable.Range(0, 60), batches.All.SelectMany(static batch => batch.Jobs));
        Assert.Contains(_notes, static note => note.StartsWith("Of 60 images", StringComparison.Ordinal));
    }

    [Fact]
    public void The_record_has_the_batch_and_does_not_claim_the_same_bytes()
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo);
        DenoiseJob[] jobs = [.. Enumerable.Range(0, 2).Select(i => Job(pipeline, House, new() { Seed = i, Steps = 2 }))];
        using DeviceBatches batches = pipeline.Divide(jobs, 2, cancellationToken: Cancellation);
        Latent latent = batches.All[0].Run()[1].Latent!;
        Latent alone = Alone(pipeline, jobs[1]);

        Assert.Equal((2, 1), (latent.Stages![^1].Made!.BatchOnDevice, latent.Stages[^1].Made!.BatchRow));
        Assert.EndsWith(", row 2 of a batch of 2 on the device", $"{latent.Stages[^1].Made}", StringComparison.Ordinal);
        Assert.Equal((Reproducibility.Device, Reproducibility.Exact), (latent.Reproducibility, alone.Reproducibility));
        Assert.Equal(alone.Info with { Stages = null }, latent.Info with { Stages = null });
        Assert.Equal(Infotext.Format(alone.Info), Infotext.Format(latent.Info));

        string json = JsonSerializer.Serialize(latent.Stages);
        Assert.Equal(latent.Stages[^1].Made, JsonSerializer.Deserialize<StageList>(json)![^1].Made);
        Assert.DoesNotContain("Batch", JsonSerializer.Serialize(alone.Stages), StringComparison.Ordinal);
    }

    private static IReadOnlyList<DeviceBatch> Compare(DiffusionPipeline pipeline, DenoiseJob[] jobs, int size, double tolerance = Tolerance)
    {
        using DeviceBatches batches = pipeline.Divide(jobs, size, cancellationToken: Cancellation);
        HashSet<int> done = [];
        foreach (DeviceBatch batch in batches.All)
        {
            IReadOnlyList<DenoiseResult> results = batch.Run();
            Assert.Equal(batch.Jobs, results.Select(static result => result.Job));
            for (int i = 0; i < results.Count; i++)
            {
                Assert.Null(results[i].Error);
                Assert.True(done.Add(results[i].Job));
                Latent latent = results[i].Latent!, alone = Alone(pipeline, jobs[results[i].Job]);
                LatentCheck.AssertClose(alone.Tensor, latent, tolerance);
                Assert.Equal((alone.Step, alone.StepCount, alone.IsComplete), (latent.Step, latent.StepCount, latent.IsComplete));
                Assert.Equal(batch.Jobs.Count > 1 ? (batch.Jobs.Count, i) : (null, (int?)null), (latent.Stages![^1].Made!.BatchOnDevice, latent.Stages[^1].Made!.BatchRow));
            }
        }

        Assert.Equal(jobs.Length, done.Count);
        return batches.All;
    }

    private static Latent Alone(DiffusionPipeline pipeline, DenoiseJob job) =>
        pipeline.Denoise(job.Embedding, job.Negative, job.Start, job.Options, cancellationToken: Cancellation);

    private static DenoiseJob Job(DiffusionPipeline pipeline, string prompt, DenoiseOptions options, string? negative = null, Latent? start = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        PromptOptions read = new() { Syntax = syntax };
        return new(pipeline.EncodePrompt(prompt, read, Cancellation), negative is null ? null : pipeline.EncodePrompt(negative, read, Cancellation), start, options);
    }

    private DiffusionPipeline Pipeline(string folder) => new(models.Open(folder), note: _notes.Add);
}
