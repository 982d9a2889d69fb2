using StableDiffusion.Denoising;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Onnx;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Denoising;

/// <summary>
/// The denoising of several rows at once, with a graph of additions and multiplications in place of a U-Net: it rounds each
/// value the same whatever the number of rows, so that the latents of a batch have to be those of each alone, to the bit.
/// </summary>
public sealed class BatchLoopTests : IDisposable
{
    private const int Tokens = 3;
    private const int LongTokens = 6;

    private readonly TemporaryFolder _folder = new();
    private readonly UNet _unet;

    public BatchLoopTests() => _unet = Open(timestep: [0]);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Schedulers => [.. SchedulerCatalog.All.Select(static scheduler => scheduler.Name)];

    public void Dispose()
    {
        _unet.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void Every_row_has_its_own_noise_text_guidance_and_schedule(string scheduler)
    {
        GenerationInfo settings = new() { Seed = 1, Steps = 8, Scheduler = scheduler, GuidanceScale = 3 };
        Check(
            () => Request(settings),
            () => Request(settings with { Seed = 2, GuidanceScale = 7, GuidanceRescale = 0.7 }, text: 2),
            () => Request(settings with { Seed = 3, GuidanceScale = 1 }, text: 3),
            () => Request(settings with { Seed = 3, GuidanceStart = 0.3 }, text: 4),
            () => Request(settings with { Seed = 4, GuidanceEnd = 0.5 }, text: 5, changesAt: 4),
            () => Request(settings with { Seed = 5, GuidanceSigmaMin = 0.4, GuidanceSigmaMax = 4 }, text: 8),
            () => Request(settings with { BatchSize = 2, BatchIndex = 1 }, text: 6, isMasked: true),
            () => Request(settings, text: 7, negativeTokens: LongTokens));
    }

    [Fact]
    public void Rows_of_different_schedulers_go_together()
    {
        GenerationInfo settings = new() { Seed = 1, Steps = 10, GuidanceScale = 3 };
        Check(
            () => Request(settings with { Scheduler = "Euler" }),
            () => Request(settings with { Scheduler = "Heun", Steps = 6 }, text: 2, calls: 10),
            () => Request(settings with { Scheduler = "DPM++ 2M SDE Karras" }, text: 3),
            () => Request(settings with { Scheduler = "DDIM", Steps = 20 }, text: 4, strength: 0.5),
            () => Request(settings with { Scheduler = "PLMS", Steps = 9 }, text: 5, calls: 10),
            () => Request(settings with { Scheduler = "Euler a" }, text: 6, tokens: LongTokens));
    }

    [Fact]
    public void A_row_that_is_not_finite_fails_alone()
    {
        GenerationInfo settings = new() { Seed = 1, Steps = 4, Scheduler = "Euler", GuidanceScale = 3 };
        DenoiseRow[] rows = [.. new[] { Request(settings), Request(settings with { Seed = 2 }, text: float.NaN), Request(settings with { Seed = 3 }) }.Select(request => new DenoiseRow(request, _unet))];

        new Denoiser(_unet).Run(rows, joinsSides: false, afterCall: null, Cancellation);

        Assert.Throws<InferenceException>(rows[1].Finish);
        Assert.Equal(Alone(Request(settings)), rows[0].Finish().Values);
        Assert.Equal(Alone(Request(settings with { Seed = 3 })), rows[2].Finish().Values);
    }

    [Fact]
    public void Each_call_is_one_run_for_all_rows_and_is_reported_for_each()
    {
        GenerationInfo settings = new() { Seed = 1, Steps = 4, Scheduler = "Heun", GuidanceScale = 3 };
        DenoiseRow[] rows = [.. Enumerable.Range(0, 3).Select(i => new DenoiseRow(Request(settings with { Seed = i }), _unet))];
        List<(int Row, int Call)> calls = [];

        new Denoiser(_unet).Run(rows, joinsSides: true, (row, step) => calls.Add((row, step.Call)), Cancellation);

        Assert.Equal(Enumerable.Range(0, rows[0].Calls).SelectMany(static call => Enumerable.Range(0, 3).Select(row => (row, call))), calls);
    }

    [Theory]
    [InlineData(true, 0, 0, 0)]
    [InlineData(false, 1, 0, 0)]
    [InlineData(false, 0, 1, 0)]
    [InlineData(false, 0, 0, 1)]
    public void A_graph_of_a_fixed_number_of_rows_or_of_one_timestep_takes_no_batch(bool takes, int sample, int timestep, int embedding)
    {
        using UNet unet = Open([timestep], sample, embedding);
        Assert.Equal(takes, unet.TakesBatches);
        using UNet scalar = Open([], sample, embedding);
        Assert.False(scalar.TakesBatches);
    }

    private void Check(params Func<DenoiseRequest>[] requests)
    {
        float[][] expected = [.. requests.Select(request => Alone(request()))];
        Assert.All(requests.Zip(expected), pair => Assert.Equal(pair.Second, new Denoiser(_unet).RunJoined(pair.First(), afterCall: null, Cancellation).Values));
        foreach (bool joinsSides in (bool[])[false, true])
        {
            DenoiseRow[] rows = [.. requests.Select(request => new DenoiseRow(request(), _unet))];
            new Denoiser(_unet).Run(rows, joinsSides, afterCall: null, Cancellation);
            for (int row = 0; row < rows.Length; row++)
                Assert.Equal(expected[row], rows[row].Finish().Values);
        }

        Assert.Equal(expected.Length, expected.Select(static values => values[0]).Distinct().Count());
    }

    private float[] Alone(DenoiseRequest request) => new Denoiser(_unet).Run(request, afterCall: null, Cancellation).Values;

    private static DenoiseRequest Request(GenerationInfo settings, float text = 1, int tokens = Tokens, int negativeTokens = Tokens, int? changesAt = null, bool isMasked = false, double strength = 1, int? calls = null)
    {
        Latent begun = ClosedFormRun.Begin(settings, [1, 4, 4, 4], strength, isMasked);
        DenoiseState state = begun.State!;
        List<(int UntilStep, TextVectors Embedding)> schedule = [(changesAt ?? int.MaxValue, Vectors(text, tokens))];
        if (changesAt is not null)
            schedule.Add((int.MaxValue, Vectors(text + 10, tokens)));
        return new DenoiseRequest
        {
            Sample = begun.Tensor,
            Positive = new Conditioning([new ConditioningPart(1, schedule)]),
            Negative = settings.GuidanceScale > 1 ? Conditioning.Of(Vectors(-text, negativeTokens)) : null,
            Scheduler = state.Scheduler,
            Noise = state.Noise,
            Settings = settings,
            NextCall = state.NextCall,
            OriginCall = state.OriginCall,
            StopCall = state.NextCall + (calls ?? (state.Scheduler.Timesteps.Count - state.NextCall)),
            Inpainting = state.Inpainting,
        };
    }

    private static TextVectors Vectors(float text, int tokens)
    {
        Tensor states = new(1, tokens, 2);
        states.Values[0] = text / 32;
        return new(states, null);
    }

    /// <summary>A graph whose prediction is sample * (timestep / 1024) + text * sample + text.</summary>
    private UNet Open(long[] timestep, long rows = 0, long embeddingRows = 0)
    {
        GraphProto graph = new()
        {
            Name = "small",
            Input = { SmallGraph.Value("sample", rows, 4, 0, 0), SmallGraph.Value("timestep", timestep), SmallGraph.Value("encoder_hidden_states", embeddingRows, 0, 2) },
            Output = { SmallGraph.Value("out_sample", rows, 4, 0, 0) },
            Initializer = { SmallGraph.Float("scale", 1 / 1024f), SmallGraph.Integer("zero", 0), SmallGraph.Integers("axes", 1, 2, 3) },
        };
        Add("Gather", "token", "encoder_hidden_states", "zero").Attribute.Add(new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        Add("Gather", "number", "token", "zero").Attribute.Add(new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        Add("Unsqueeze", "text", "number", "axes");
        Add("Mul", "time", "timestep", "scale");
        Add("Unsqueeze", "times", "time", "axes");
        Add("Mul", "faded", "sample", "times");
        Add("Mul", "told", "sample", "text");
        Add("Add", "both", "faded", "told");
        Add("Add", "out_sample", "both", "text");
        return new UNet(OnnxSession.Open(SmallGraph.Save(_folder[$"{Guid.NewGuid():N}.onnx"], graph), Device.Cpu, cancellationToken: Cancellation));

        NodeProto Add(string type, string output, params string[] inputs)
        {
            NodeProto node = new() { OpType = type, Input = { inputs }, Output = { output } };
            graph.Node.Add(node);
            return node;
        }
    }
}
