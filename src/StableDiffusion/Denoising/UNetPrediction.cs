using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The U-Net bound to one text embedding: what it predicts under that text.</summary>
internal sealed class UNetPrediction(OnnxCall call, OnnxBuffer output, IReadOnlyList<OnnxBuffer> inputs, ControlPrediction? control) : IDisposable
{
    /// <summary>Predicts from the shared input and returns the memory that holds the answer until the next call.</summary>
    public ReadOnlySpan<float> Run(CancellationToken cancellationToken)
    {
        control?.Run(cancellationToken);
        call.Run(cancellationToken);
        output.Download();
        return output.Values;
    }

    public void Dispose()
    {
        control?.Dispose();
        call.Dispose();
        output.Dispose();
        foreach (OnnxBuffer input in inputs)
            input.Dispose();
    }
}
