using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>What a console program over the engine does to make one picture: the peer of the module in a new process.</summary>
internal static class ConsoleImage
{
    /// <summary>The command line option that runs it.</summary>
    public const string Option = "--console-image";

    /// <summary>Makes the picture.</summary>
    /// <param name="path">The file to write.</param>
    public static void Make(string path)
    {
        Device device = Devices.Resolve(Device.Auto, out _);
        using ModelLease lease = ModelLibrary.Default.Open(DemoModel.Path, device);
        DiffusionPipeline pipeline = new(lease.Model);
        TextEmbedding embedding = pipeline.EncodePrompt(DemoModel.Prompt);
        Latent latent = pipeline.Denoise(embedding, negative: null, start: null, new DenoiseOptions { Seed = DemoModel.Seed });
        ImageFile.Write(pipeline.Decode(latent), path, new ImageWriteOptions { Overwrite = true });
        ChildProcess.WriteProcessor();
    }
}
