using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// The demo model in half precision with an autoencoder whose first convolutions give values beyond 65504, the largest
/// 16-bit float. Normalizations take the scale out again, so that 32-bit floats give a picture as ever. ONNX Runtime's
/// CPU provider computes 16-bit convolutions in 32 bits and may leave the rounding between them out, so the range of
/// 16-bit floats is put into the graphs by hand.
/// </summary>
public sealed class OverflowTests : IDisposable
{
    private const float LargestWeight = 60_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_decoder_that_overflows_decodes_in_full_precision_and_says_so_once_a_picture()
    {
        using DiffusionModel half = Open(computesHalf: true);
        using DiffusionModel full = Open(computesHalf: false);
        List<string> warnings = [];
        Latent latent = new(Noise(), new GenerationInfo());

        DiffusionImage image = new DiffusionPipeline(half, null, warnings.Add).Decode(latent, TestContext.Current.CancellationToken);

        Assert.Equal(["The VAE decoder overflowed in half precision; decoded in full precision."], warnings);
        DiffusionImage expected = new DiffusionPipeline(full, null, warnings.Add).Decode(latent, TestContext.Current.CancellationToken);
        Assert.Equal(expected.Pixels, image.Pixels);
        Assert.Single(warnings);
    }

    [Fact]
    public void An_encoder_that_overflows_encodes_in_full_precision_and_says_so()
    {
        using DiffusionModel half = Open(computesHalf: true);
        using DiffusionModel full = Open(computesHalf: false);
        List<string> warnings = [];
        byte[] pixels = new byte[64 * 64 * DiffusionImage.Channels];
        new Random(1).NextBytes(pixels);
        DiffusionImage picture = new(64, 64, pixels);

        Latent latent = new DiffusionPipeline(half, null, warnings.Add).EncodeImage(picture, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(["The VAE encoder overflowed in half precision; encoded in full precision."], warnings);
        Latent expected = new DiffusionPipeline(full).EncodeImage(picture, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(expected.Tensor.Values, latent.Tensor.Values);
    }

    [Fact]
    public void A_weight_that_half_precision_cannot_hold_is_named()
    {
        CopyModel(tensor => tensor.Values[0] = 70_000);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("'encoder.conv_in.weight'", error.Message, StringComparison.Ordinal);
        Assert.Contains("65504", error.Message, StringComparison.Ordinal);
    }

    private static Tensor Noise()
    {
        Tensor latent = new(1, 4, 8, 8);
        for (int i = 0; i < latent.Length; i++)
            latent.Values[i] = MathF.Sin(i * 0.7f);
        return latent;
    }

    private static void Enlarge(Tensor tensor)
    {
        float scale = LargestWeight / tensor.Values.Max(MathF.Abs);
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] *= scale;
    }

    private DiffusionModel Open(bool computesHalf)
    {
        if (!Directory.Exists(_folder["model"]))
            CopyModel(Enlarge);
        string built = Build();
        return new DiffusionModel(ModelReader.Read("overflowing", built), Device.Cpu) { ComputesHalf = computesHalf };
    }

    private string Build()
    {
        string built = ModelBuilder.Build(DiffusersFolder.Find(_folder["model"], new ImportOptions { Precision = ModelPrecision.Half }), _folder["cache"], null, TestContext.Current.CancellationToken);
        string copy = _folder["built"];
        if (!Directory.Exists(copy))
        {
            Directory.Move(built, copy);

            // What follows changes the lengths that it records.
            File.Delete(Path.Combine(copy, BuildCache.ManifestName));
            foreach (string part in (string[])["vae_encoder", "vae_decoder"])
                HoldToHalfRange(Path.Combine(copy, part, "model.onnx"));
        }

        return copy;
    }

    /// <summary>Divides what convolutions give by whether it lies within the range: by 1, or by 0, which makes it infinite.</summary>
    private static void HoldToHalfRange(string path)
    {
        const int Float16 = 10;
        ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        GraphProto graph = model.Graph;
        graph.Initializer.Add(new TensorProto { Name = "largest", DataType = TensorProto.Types.DataType.Float16, RawData = Google.Protobuf.ByteString.CopyFrom(BitConverter.GetBytes(Half.MaxValue)) });
        foreach (NodeProto convolution in graph.Node.Where(node => node.OpType == "Conv").ToArray())
        {
            string name = convolution.Output[0];
            convolution.Output[0] = $"{name}/free";
            NodeProto isWithin = new() { OpType = "Cast", Input = { $"{name}/less" }, Output = { $"{name}/within" } };
            isWithin.Attribute.Add(new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = Float16 });
            int place = graph.Node.IndexOf(convolution) + 1;
            foreach (NodeProto node in (NodeProto[])
            [
                new NodeProto { OpType = "Div", Input = { $"{name}/free", $"{name}/within" }, Output = { name } },
                isWithin,
                new NodeProto { OpType = "LessOrEqual", Input = { $"{name}/size", "largest" }, Output = { $"{name}/less" } },
                new NodeProto { OpType = "Abs", Input = { $"{name}/free" }, Output = { $"{name}/size" } },
            ])
            {
                graph.Node.Insert(place, node);
            }
        }

        File.SetAttributes(path, FileAttributes.Normal);
        File.WriteAllBytes(path, Google.Protobuf.MessageExtensions.ToByteArray(model));
    }

    private void CopyModel(Action<Tensor> change)
    {
        string weights = Path.Combine(Repository.CopyDemoModel(_folder["model"]), "vae", "diffusion_pytorch_model.safetensors");
        SafetensorsWriter.Change(weights, tensors =>
        {
            change(tensors["decoder.conv_in.weight"]);
            change(tensors["encoder.conv_in.weight"]);
        });
    }
}
