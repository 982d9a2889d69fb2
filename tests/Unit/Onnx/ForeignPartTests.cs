using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Autoencoding;
using StableDiffusion.Denoising;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tensors;
using StableDiffusion.Text;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx;

/// <summary>Graphs that ONNX Runtime opens, but that are not the parts that they stand for: errors that name the file.</summary>
public sealed class ForeignPartTests : IDisposable
{
    private static readonly LatentScaling s_scaling = new(1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, long[]> WrongUNets => new()
    {
        { "sample", [4] },
        { "sample", [1, 4, 8, 8, 1] },
        { "sample", [1, int.MaxValue, 8, 8] },
        { "encoder_hidden_states", [] },
        { "encoder_hidden_states", [77] },
        { "text_embeds", [8] },
        { "timestep_cond", [1, 2_000_000_000] },
        { "timestep_cond", [1, 2] },
        { "timestep_cond", [1, 255] },
        { "timestep_cond", [256] },
        { "down_block_0_additional_residual", [8] },
        { "down_block_0_additional_residual", [1, 0, 8, 8] },
    };

    [Theory]
    [MemberData(nameof(WrongUNets))]
    public void A_unet_with_other_axes_is_refused(string name, long[] shape)
    {
        Dictionary<string, long[]> inputs = new() { ["sample"] = [1, 4, 8, 8], ["timestep"] = [1], ["encoder_hidden_states"] = [1, 77, 8] };
        inputs[name] = shape;
        using OnnxSession session = Open(SmallGraph.Of([.. inputs.Select(input => SmallGraph.Value(input.Key, input.Value))], (SmallGraph.Value("out_sample", 1, 4, 8, 8), Identity("sample"))));
        Refused(session, () => new UNet(session).Dispose());
    }

    [Theory]
    [InlineData(false, 8, 8)]
    [InlineData(true, 8, 4)]
    [InlineData(true, 0, 0)]
    [InlineData(true, 2_000_000_000, 2_000_000_000)]
    public void Outer_layers_that_do_not_fit_the_whole_network_are_refused(bool hasInput, int made, int taken)
    {
        ValueInfoProto[] inputs = [SmallGraph.Value("sample", 1, 4, 8, 8), SmallGraph.Value("timestep", 1), SmallGraph.Value("encoder_hidden_states", 1, 77, 8)];
        using OnnxSession whole = Open(SmallGraph.Of(inputs, (SmallGraph.Value("out_sample", 1, 4, 8, 8), Identity("sample")), (Features("deep_features_0", made), Identity("sample", "Relu"))));
        using OnnxSession outer = Open(SmallGraph.Of(hasInput ? [.. inputs, Features("deep_features", taken)] : inputs, (SmallGraph.Value("out_sample", 1, 4, 8, 8), Identity("sample"))));
        using UNet unet = new(whole), layers = new(outer);
        TextVectors text = new(new Tensor(1, 77, 8), PooledState: null);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() =>
        {
            unet.CheckOuter(layers, 0);
            using UNetInput input = unet.CreateInput(8, 8, added: null);
            unet.Bind(input, text, [], reuse: new FeatureReuse(layers, 0, 2)).Dispose();
        });
        Assert.Contains("FeatureReuse", error.Message, StringComparison.Ordinal);

        static ValueInfoProto Features(string name, int channels) => SmallGraph.Value(name, 1, channels, 8, 8);
    }

    [Fact]
    public void A_controlnet_and_an_autoencoder_with_other_axes_are_refused()
    {
        using OnnxSession session = Open(SmallGraph.Of(
            [.. ((string[])["sample", "timestep", "encoder_hidden_states", "controlnet_cond", "conditioning_scale", "latent_sample"]).Select(static name => SmallGraph.Value(name, 4))],
            (SmallGraph.Value("latent_parameters", 4), Identity("sample"))));
        Refused(session, () => new ControlNet(session, "net", hash: null).Dispose());
        Refused(session, () => new VaeEncoder(session, s_scaling).Dispose());
        Refused(session, () => new VaeDecoder(session, s_scaling, factor: 8).Dispose());
    }

    [Theory]
    [InlineData("Identity")]
    [InlineData("Flatten")]
    [InlineData("Size")]
    public void A_decoder_that_returns_no_image_is_refused(string name)
    {
        DataType type = name == "Size" ? DataType.Int64 : DataType.Float;
        using OnnxSession session = Open(SmallGraph.Of([SmallGraph.Value("latent_sample", 1, 4, 0, 0)], (Shapeless("sample", type), Identity("latent_sample", name))));
        using VaeDecoder decoder = new(session, s_scaling, factor: 8);
        DiffusionException error = Assert.Throws<ModelInvalidException>(() => decoder.Decode(new Tensor(1, 4, 2, 2), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains(session.Path, error.Message, StringComparison.Ordinal);
    }

    /// <summary>The size of an image is never that which a graph chooses.</summary>
    [Fact]
    public void A_decoder_that_returns_an_image_of_another_size_is_refused()
    {
        using OnnxSession session = Open(SmallGraph.Of([SmallGraph.Value("latent_sample", 1, 3, 0, 0)], (Shapeless("sample"), Identity("latent_sample"))));
        Tensor latent = new(1, 3, 2, 2);
        using VaeDecoder same = new(session, s_scaling, factor: 1), larger = new(session, s_scaling, factor: 8);
        Assert.Equal([1, 3, 2, 2], same.Decode(latent, cancellationToken: TestContext.Current.CancellationToken).Shape);
        Assert.Contains("[1, 3, 16, 16]", Assert.Throws<ModelInvalidException>(() => larger.Decode(latent, cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Flatten", "latent_sample")]
    [InlineData("Identity", "latent_parameters")]
    public void An_encoder_that_returns_no_latent_is_refused(string name, string output)
    {
        using OnnxSession session = Open(SmallGraph.Of([SmallGraph.Value("sample", 1, 3, 0, 0)], (Shapeless(output), Identity("sample", name))));
        using VaeEncoder encoder = new(session, s_scaling);
        DiffusionException error = Assert.Throws<ModelInvalidException>(() => encoder.Encode(new Tensor(1, 3, 8, 8), noise: null, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains(session.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_bytes_is_refused()
    {
        using OnnxSession session = Open(SmallGraph.Of([SmallGraph.Value("latent_sample", DataType.Uint8, 1, 4, 0, 0)], (Shapeless("sample", DataType.Uint8), Identity("latent_sample"))));
        Refused(session, () => new VaeDecoder(session, s_scaling, factor: 8).Dispose());
    }

    [Theory]
    [InlineData("Mish")]
    [InlineData("Concat")]
    public void What_cannot_be_opened_is_said_in_our_words(string name)
    {
        string path = SmallGraph.Save(_folder["model.onnx"], SmallGraph.Of([SmallGraph.Value("x", 1)], (SmallGraph.Value("y", 1), Identity("x", name))));
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Open(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be opened on Cpu: ", error.Message, StringComparison.Ordinal);
        AssertOurs(error);
    }

    [Fact]
    public void What_fails_while_it_runs_is_said_in_our_words()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using OnnxSession session = Open(SmallGraph.Of([SmallGraph.Value("x", 1, 0)], (Shapeless("y"), Identity("x"))));
        OnnxValueInfo input = session.Input("x");
        using OnnxBuffer buffer = new(new Tensor(2, 3), input.ElementType);
        InferenceException error = Assert.Throws<InferenceException>(() => session.Run(session.Output("y"), cancellation, (input, buffer)));
        Assert.Contains(session.Path, error.Message, StringComparison.Ordinal);
        AssertOurs(error);
    }

    [Fact]
    public void A_part_without_inputs_says_so()
    {
        using OnnxSession session = Open(SmallGraph.Of([], (SmallGraph.Value("out_sample", 1), new NodeProto { OpType = "Constant", Attribute = { new AttributeProto { Name = "value_float", F = 1, Type = AttributeProto.Types.AttributeType.Float } } })));
        Assert.Contains("it has none.", Assert.Throws<ModelInvalidException>(() => new UNet(session)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_above_the_size_that_an_operator_supports_is_a_lack_of_memory()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        GraphProto graph = SmallGraph.Of([SmallGraph.Value("x", DataType.Float, 0)], (Shapeless("y"), new NodeProto { OpType = "Tile", Input = { "x", "factors" } }));
        graph.Initializer.Add(SmallGraph.Integers("factors", 100_000));
        using OnnxSession session = Open(graph);
        OnnxValueInfo input = session.Input("x");
        using OnnxBuffer buffer = new(new Tensor(100_000), input.ElementType);
        InferenceException error = Assert.Throws<InferenceException>(() => session.Run(session.Output("y"), cancellation, (input, buffer)));
        Assert.Contains("not enough memory", error.Message, StringComparison.Ordinal);
    }

    private static void AssertOurs(DiffusionException error)
    {
        OnnxRuntimeException cause = Assert.IsType<OnnxRuntimeException>(error.InnerException);
        Assert.DoesNotContain("ErrorCode", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(cause.Message[(cause.Message.IndexOf(']', StringComparison.Ordinal) + 2)..], error.Message, StringComparison.Ordinal);
    }

    private static NodeProto Identity(string input, string name = "Identity") => new() { OpType = name, Input = { input } };

    private static ValueInfoProto Shapeless(string name, DataType type = DataType.Float) => new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = type } } };

    private static OnnxSession Open(string path) => OnnxSession.Open(path, Device.Cpu, cancellationToken: TestContext.Current.CancellationToken);

    private static void Refused(OnnxSession session, Action open) =>
        Assert.Contains(session.Path, Assert.Throws<ModelInvalidException>(open).Message, StringComparison.Ordinal);

    private OnnxSession Open(GraphProto graph) => Open(SmallGraph.Save(_folder["model.onnx"], graph));
}
