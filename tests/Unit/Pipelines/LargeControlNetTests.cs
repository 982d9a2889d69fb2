using StableDiffusion.Denoising;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Networks;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// ControlNets of SDXL. A ControlNet begins as a copy of the U-Net's way down and middle; here that of the reference's tiny SDXL.
/// </summary>
public sealed class LargeControlNetTests(SharedModels models) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_ControlNet_of_SDXL_steers_SDXL()
    {
        string checkpoint = FamilyReference.Find("sdxl", "sdxl-tiny.safetensors");
        string net = _folder["net"];
        WriteNet(checkpoint, net);
        DiffusionModel model = models.Open(models.Large);
        DiffusionImage picture = ImageFile.Read(Repository.Data("images", "scene.png"));

        Tensor plain = Denoise(model).Tensor;
        Latent steered = Denoise(model, new ControlOptions(net, picture));
        LatentCheck.AssertClose(plain, Denoise(model, new ControlOptions(net, picture) { Scale = 0 }), 1e-5);
        Assert.True(plain.Values.Zip(steered.Tensor.Values, (a, b) => Math.Abs(a - b)).Max() > 1e-2);
    }

    private static Latent Denoise(DiffusionModel model, params ControlOptions[] controls)
    {
        DiffusionPipeline pipeline = new(model);
        DenoiseOptions options = new() { Seed = 1, Steps = 2, GuidanceScale = 5, Width = 64, Height = 64, Scheduler = "Euler", Controls = controls };
        return pipeline.Denoise(
            pipeline.EncodePrompt("a house", cancellationToken: TestContext.Current.CancellationToken), null, null, options, cancellationToken: TestContext.Current.CancellationToken);
    }

    private static void WriteNet(string checkpoint, string folder)
    {
        using ITensorFile file = TensorFile.Open(checkpoint);
        CheckpointPart unet = Checkpoint.Open(file).Find(ModelParts.UNet)!;
        UntrainedControlNet.Write(unet.Weights.Names, name => Read(unet.Weights, name), unet.Config, folder);
    }

    private static Tensor Read(MappedWeights weights, string name)
    {
        Tensor tensor = new([.. weights.FindShape(name)!.Select(length => (int)length)]);
        weights.Read(name, tensor.Span);
        return tensor;
    }
}
