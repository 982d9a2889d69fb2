using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Pipelines.Preparing;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// Both predictions of guidance in one run of the U-Net, as on a graphics card, against two runs. That the loop itself gives the
/// same bits, <see cref="Denoising.BatchLoopTests"/> shows; here a matrix product of more rows adds in another order.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class JoinedGuidanceTests(SharedModels models)
{
    private const double Tolerance = DeviceBatchTests.Tolerance;
    private const double WholeTolerance = DeviceBatchTests.WholeTolerance;
    private const string House = "a red house on the grass in daylight with the sun on the left";
    private const string Fish = "a blue fish on the sea";

    private static readonly Device s_card = new(DeviceKind.Cuda);

    private readonly List<string> _notes = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Long { get; } = string.Join(", ", Enumerable.Repeat(House, 8));

    [Theory]
    [InlineData("DDIM")]
    [InlineData("PLMS")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("DPM++ 2M SDE Karras")]
    [InlineData("A1111 DPM++ 3M SDE")]
    [InlineData("UniPC")]
    public void One_run_gives_the_latent_of_two(string scheduler)
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 4, Scheduler = scheduler, GuidanceScale = 3 };
        Compare(models.Demo, options);
        Compare(models.Demo, options with { GuidanceRescale = 0.5 }, negative: Fish);
        Compare(models.Demo, options with { GuidanceStart = 0.4, GuidanceEnd = 0.8 });
        Compare(models.Demo, options with { GuidanceSigmaMin = 0.5, GuidanceSigmaMax = 8 });
        Compare(models.Demo, options, negative: Long, syntax: PromptSyntax.A1111);
        Compare(models.Demo, options, prompt: "a [red:blue:0.5] house", syntax: PromptSyntax.A1111);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(0.4, null)]
    [InlineData(null, 0.6)]
    public void Reused_features_are_those_of_two_runs(double? start, double? end)
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 7, Scheduler = "DDIM", GuidanceScale = 3, FeatureReuse = 3, GuidanceStart = start, GuidanceEnd = end };

        Compare(models.Demo, options);
        Compare(models.Demo, options with { FeatureReuse = 2, FeatureReuseBranch = 1 }, negative: Long, syntax: PromptSyntax.A1111);
    }

    [Theory]
    [InlineData(nameof(SharedModels.Sd2))]
    [InlineData(nameof(SharedModels.Large))]
    [InlineData(nameof(SharedModels.Refiner))]
    public void Every_family_gives_the_latent_of_two_runs(string kind) => Compare(models.Find(kind), new() { Seed = 7, Steps = 2, Scheduler = "Euler a", GuidanceScale = 2, Width = 64, Height = 64 }, negative: Fish);

    [Theory]
    [InlineData(nameof(SharedModels.Demo), null)]
    [InlineData(nameof(SharedModels.Demo), "A1111")]
    [InlineData(nameof(SharedModels.Demo), "Differential")]
    [InlineData(nameof(SharedModels.Inpainting), null)]
    public void A_masked_image_gives_the_latent_of_two_runs(string kind, string? mode)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Find(kind)));
        DiffusionImage image = new(64, 64, [.. Enumerable.Range(0, 64 * 64 * 3).Select(static i => (byte)(i * 7))]);
        MaskImage mask = new(64, 64, [.. Enumerable.Range(0, 64 * 64).Select(static i => (byte)(i < 2048 ? 255 : i / 16))]);

        Compare(models.Find(kind), new() { Seed = 7, Steps = 6, Strength = 0.5, Scheduler = "Euler a", GuidanceScale = 2, Mask = mask, InpaintMode = mode }, start: pipeline.EncodeImage(image, seed: 8, cancellationToken: Cancellation));
    }

    [Fact]
    public void A_control_image_gives_the_latent_of_two_runs()
    {
        ControlOptions control = new(Repository.Data("adapters", "sd1-controlnet"), ImageFile.Read(Repository.Data("adapters", "control.png"))) { Scale = 0.1 };
        DenoiseOptions options = new() { Seed = 21, Steps = 4, Scheduler = "DDIM", GuidanceScale = 2, Width = 64, Height = 64 };

        Compare(models.Sd1, options with { Controls = [control] }, negative: Fish);
        Compare(models.Sd1, options with { Controls = [control with { Start = 0.3, End = 0.7 }], GuidanceEnd = 0.8 });
    }

    [Fact]
    public void The_predictions_that_a_step_keeps_are_those_of_two_runs()
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 4, Scheduler = "Heun", GuidanceScale = 3, GuidanceEnd = 0.75, KeepsPredictions = true };
        (List<StepLatent> expected, List<StepLatent> actual) = (Steps(Device.Cpu), Steps(s_card));

        Assert.Equal(4, expected.Count);
        foreach ((StepLatent two, StepLatent one) in expected.Zip(actual))
        {
            Assert.Equal((two.Step, two.Timestep, two.Sigma), (one.Step, one.Timestep, one.Sigma));
            LatentCheck.AssertClose(two.Tensor, one, WholeTolerance);
            LatentCheck.AssertClose(two.Denoised.Tensor, one.Denoised, WholeTolerance);
            LatentCheck.AssertClose(two.NoisePrediction, new Latent(one.NoisePrediction, new()), WholeTolerance);
            CompareSides(two, one, WholeTolerance);
        }

        Assert.Contains(expected, static step => step.UnconditionalPrediction is null);

        List<StepLatent> Steps(Device device)
        {
            List<StepLatent> steps = [];
            DiffusionPipeline pipeline = Pipeline(models.Demo, device);
            pipeline.Denoise(pipeline.EncodePrompt(House, cancellationToken: Cancellation), null, null, options, step => steps.Add((StepLatent)step.Capture()), Cancellation);
            return steps;
        }
    }

    [Fact]
    public void A_script_changes_and_stops_it_as_it_does_two_runs()
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 6, Scheduler = "DPM++ 2M", GuidanceScale = 3 };
        (Latent expected, List<int> steps) = Run(Device.Cpu);
        (Latent actual, List<int> seen) = Run(s_card);

        Assert.Equal(steps, seen);
        Assert.Equal([1, 2, 3, 4], seen);
        Assert.Equal((4, false), (actual.Step, actual.IsComplete));
        Assert.Equal(expected.Stages!.Select(static stage => stage.Operation), actual.Stages!.Select(static stage => stage.Operation));
        LatentCheck.AssertClose(expected.Tensor, actual, WholeTolerance);

        (Latent, List<int>) Run(Device device)
        {
            List<int> seen = [];
            DiffusionPipeline pipeline = Pipeline(models.Demo, device);
            return (pipeline.DenoiseInSteps(Job(pipeline, House, options), step =>
            {
                seen.Add(step.Step);
                if (step.Step == 2)
                    step.GuidanceScale = 2;
                if (step.Step == 4)
                    step.Stop();
            }, cancellationToken: Cancellation), seen);
        }
    }

    [Theory]
    [InlineData("DPM++ 2M SDE Karras")]
    [InlineData("UniPC")]
    public void What_a_checkpoint_kept_goes_on_to_the_same_bytes(string scheduler)
    {
        DiffusionPipeline pipeline = Pipeline(models.Demo, s_card);
        DenoiseJob job = Job(pipeline, House, new() { Seed = 7, Steps = 6, Scheduler = scheduler, GuidanceScale = 3 });
        Latent whole = pipeline.Denoise(job.Embedding, job.Negative, job.Start, job.Options, cancellationToken: Cancellation);
        KeptState checkpoint = new();

        Assert.Throws<WorkInterruptedException>(() => pipeline.RunDenoising(job, checkpoint, progress: null, Cancellation));
        Latent resumed = pipeline.RunDenoising(job, checkpoint, progress: null, Cancellation);

        Assert.Equal((3, false), (checkpoint.Latent!.Step, checkpoint.IsRefused));
        Assert.Equal(whole.Tensor.Values, resumed.Tensor.Values);
        Assert.Equal(whole.Stages, resumed.Stages);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0.5)]
    public void What_does_not_fit_into_memory_goes_on_in_two_runs(double? guidanceStart)
    {
        using TemporaryFolder folder = new();
        using DiffusionModel model = ChangedUNet.OpenForOneRow(models.Demo, folder);
        DenoiseOptions options = new() { Seed = 7, Steps = 6, Scheduler = "DPM++ 2M", GuidanceScale = 3, GuidanceStart = guidanceStart, KeepsPredictions = true };
        DiffusionPipeline plain = Pipeline(models.Demo, Device.Cpu), joined = new(model, note: _notes.Add) { LoopDevice = s_card };
        DenoiseJob job = Job(plain, House, options);
        List<int> steps = [];

        Latent expected = plain.Denoise(job.Embedding, job.Negative, null, options, cancellationToken: Cancellation);
        Latent actual = joined.Denoise(job.Embedding, job.Negative, null, options, step => steps.Add(step.Step), Cancellation);

        string note = Assert.Single(_notes);
        Assert.StartsWith("The predictions for the prompt and the negative prompt do not fit into the memory in one run of the U-Net, so they are made in two. ", note, StringComparison.Ordinal);
        Assert.Contains("there is not enough memory", note, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3, 4, 5, 6], steps);
        Assert.Equal(expected.Tensor.Values, actual.Tensor.Values);
        Assert.IsType<StepLatent>(actual);

        // The next image of that size is made in two runs at once, and a smaller one is tried.
        joined.Denoise(job.Embedding, job.Negative, null, options, cancellationToken: Cancellation);
        Assert.Single(_notes);
        joined.Denoise(job.Embedding, job.Negative, null, options with { Width = 32, Height = 32 }, cancellationToken: Cancellation);
        Assert.Equal(2, _notes.Count);
        Assert.Equal(expected.Stages!.Count, actual.Stages!.Count);
    }

    [Fact]
    public void Other_errors_end_it()
    {
        using TemporaryFolder folder = new();
        using DiffusionModel broken = ChangedUNet.OpenForOneTimestep(models.Demo, folder);
        DiffusionPipeline pipeline = Pipeline(models.Demo, s_card);
        DenoiseJob job = Job(pipeline, House, new() { Seed = 7, Steps = 3, GuidanceScale = 3 });

        Assert.Throws<InferenceException>(() => new DiffusionPipeline(broken, note: _notes.Add) { LoopDevice = s_card }.Denoise(job.Embedding, null, null, job.Options, cancellationToken: Cancellation));

        // Want of memory elsewhere, such as in the decoder of a preview, is none of the U-Net.
        InferenceException error = new("The preview failed.", new InsufficientMemoryException());
        Assert.Same(error, Assert.Throws<InferenceException>(() => pipeline.Denoise(job.Embedding, job.Negative, null, job.Options, _ => throw error, Cancellation)));
        Assert.Empty(_notes);
    }

    [Fact]
    public void A_processor_makes_two_runs()
    {
        using TemporaryFolder folder = new();
        using DiffusionModel model = ChangedUNet.OpenForOneRow(models.Demo, folder);
        DiffusionPipeline pipeline = new(model, note: _notes.Add);
        DenoiseJob job = Job(pipeline, House, new() { Seed = 7, Steps = 2, GuidanceScale = 3 });

        Assert.Equal(DeviceKind.Cpu, pipeline.LoopDevice.Kind);
        pipeline.Denoise(job.Embedding, job.Negative, null, job.Options, cancellationToken: Cancellation);

        Assert.Empty(_notes);
    }

    [Fact]
    public void Both_predictions_are_one_run_on_every_device_but_the_processor()
    {
        DiffusionModel model = models.Open(models.Demo);
        DiffusionPipeline pipeline = new(model);
        DenoiseOptions options = new() { Seed = 7, Steps = 4, GuidanceScale = 3, Scheduler = "Euler" };

        foreach (DeviceKind kind in Enum.GetValues<DeviceKind>())
            Assert.Equal(kind != DeviceKind.Cpu, Joins(options, kind: kind));
        Assert.True(Joins(options with { GuidanceStart = 0.5 }));
        Assert.True(Joins(options with { FeatureReuse = 2 }));
        Assert.True(Joins(options, "a [red:blue:0.5] house"));

        Assert.False(Joins(options with { GuidanceScale = 1 }));
        Assert.False(Joins(options with { FeatureReuse = 2, GuidanceStart = 0.5 }));
        Assert.False(Joins(options with { FeatureReuse = 2, GuidanceEnd = 0.5 }));
        Assert.False(Joins(options with { FeatureReuse = 2, GuidanceSigmaMax = 2 }));
        Assert.False(Joins(options with { FeatureReuse = 2, GuidanceSigmaMin = 2 }));
        Assert.False(Joins(options with { FeatureReuse = 2 }, "a [red:blue:0.5] house"));
        Assert.False(Joins(options, "a house AND a fish"));
        Assert.False(Joins(options with { Attention = new AttentionOptions() }));
        Assert.False(Joins(options with { DiffusionTiling = "MultiDiffusion", DiffusionTileSize = 64, Width = 96, Height = 64 }));

        bool Joins(DenoiseOptions options, string prompt = House, DeviceKind kind = DeviceKind.Cuda)
        {
            UNet unet = model.OpenUNet(null, Cancellation);
            DenoiseJob job = Job(pipeline, prompt, options, syntax: PromptSyntax.A1111);
            return SharedRuns.JoinsSides(new Device(kind), pipeline.Prepare(job.Embedding, job.Negative, null, options, unet, Cancellation).Request, unet);
        }
    }

    [Fact]
    public void What_cannot_be_a_row_of_a_batch_is_made_in_two_runs()
    {
        DenoiseOptions options = new() { Seed = 7, Steps = 2, GuidanceScale = 3 };
        DiffusionPipeline edit = Pipeline(models.Edit, Device.Cpu);
        Latent start = edit.EncodeImage(new DiffusionImage(64, 64, new byte[64 * 64 * 3]), seed: null, cancellationToken: Cancellation);

        AssertSame(models.Edit, options, start: start);
        AssertSame(models.Demo, options, "a house AND a fish :0.5");
        AssertSame(models.Demo, options with { Attention = new AttentionOptions() });
        AssertSame(models.Demo, options with { DiffusionTiling = "MultiDiffusion", DiffusionTileSize = 64, Width = 96, Height = 64 });

        void AssertSame(string folder, DenoiseOptions options, string prompt = House, Latent? start = null)
        {
            (Latent two, Latent one) = Both(folder, options, prompt, start: start, syntax: PromptSyntax.A1111);
            Assert.Equal(two.Tensor.Values, one.Tensor.Values);
            Assert.Equal(two.Attention is null, one.Attention is null);
        }
    }

    private void Compare(string folder, DenoiseOptions options, string prompt = House, string? negative = null, Latent? start = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        (Latent two, Latent one) = Both(folder, options, prompt, negative, start, syntax);
        LatentCheck.AssertClose(two.Tensor, one, WholeTolerance);
        Assert.Equal((two.Step, two.StepCount, two.IsComplete), (one.Step, one.StepCount, one.IsComplete));
        Assert.Equal(two.Info with { Stages = null, ControlNets = null }, one.Info with { Stages = null, ControlNets = null });
        Assert.Empty(_notes);

        // The first call, before guidance multiplies its rounding; the first step of Heun is two.
        (two, one) = Both(folder, options with { StopStep = options.Strength is null ? 1 : (options.Steps / 2) + 1, KeepsPredictions = true }, prompt, negative, start, syntax);
        CompareSides((StepLatent)two, (StepLatent)one, options.Scheduler == "Heun" ? WholeTolerance : Tolerance);
    }

    private static void CompareSides(StepLatent two, StepLatent one, double tolerance)
    {
        LatentCheck.AssertClose(two.ConditionalPrediction, new Latent(one.ConditionalPrediction, new()), tolerance);
        Assert.Equal(two.UnconditionalPrediction is null, one.UnconditionalPrediction is null);
        if (two.UnconditionalPrediction is not null)
            LatentCheck.AssertClose(two.UnconditionalPrediction, new Latent(one.UnconditionalPrediction!, new()), tolerance);
    }

    private (Latent Two, Latent One) Both(string folder, DenoiseOptions options, string prompt, string? negative = null, Latent? start = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        DenoiseJob job = Job(Pipeline(folder, Device.Cpu), prompt, options, negative, start, syntax);
        return (Run(Device.Cpu), Run(s_card));

        Latent Run(Device device) => Pipeline(folder, device).Denoise(job.Embedding, job.Negative, start, options, cancellationToken: Cancellation);
    }

    private static DenoiseJob Job(DiffusionPipeline pipeline, string prompt, DenoiseOptions options, string? negative = null, Latent? start = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        PromptOptions read = new() { Syntax = syntax };
        return new(pipeline.EncodePrompt(prompt, read, Cancellation), negative is null ? null : pipeline.EncodePrompt(negative, read, Cancellation), start, options);
    }

    private DiffusionPipeline Pipeline(string folder, Device device) => new(models.Open(folder), note: _notes.Add) { LoopDevice = device };

    /// <summary>Keeps step 3 and ends the denoising, which goes on from there the next time.</summary>
    private sealed class KeptState : DenoiseCheckpoint
    {
        public Latent? Latent { get; private set; }

        public bool IsRefused { get; private set; }

        public override Latent? Find(long mostBytes) => Latent;

        public override void Refuse() => IsRefused = true;

        public override void Keep(StepProgress step)
        {
            if (Latent is not null || step.Step < 3)
                return;
            Latent = step.Capture();
            throw new WorkInterruptedException("It ends here.");
        }
    }
}
