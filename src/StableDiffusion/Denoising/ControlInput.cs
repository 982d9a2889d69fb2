using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The memory of what one ControlNet takes, whatever the text.</summary>
internal sealed record ControlInput(OnnxBuffer Sample, OnnxBuffer Timestep, OnnxBuffer Picture, OnnxBuffer Scale) : IDisposable
{
    public void Dispose()
    {
        Sample.Dispose();
        Timestep.Dispose();
        Picture.Dispose();
        Scale.Dispose();
    }
}
