using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The ControlNets of a denoising bound to one text embedding.</summary>
internal sealed class ControlPrediction(ControlMemory memory, OnnxCall[] calls, IReadOnlyList<OnnxBuffer> inputs) : IDisposable
{
    /// <summary>Fills the U-Net's inputs with what the ControlNets give under this text.</summary>
    public void Run(CancellationToken cancellationToken) => memory.Run(calls, cancellationToken);

    public void Dispose()
    {
        foreach (OnnxCall call in calls)
            call.Dispose();
        foreach (OnnxBuffer input in inputs)
            input.Dispose();
    }
}
