using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The memory of what the U-Net is asked at each step: the sample and the timestep.</summary>
internal sealed class UNetInput(OnnxBuffer sample, OnnxBuffer timestep, IReadOnlyList<OnnxBuffer> residuals) : IDisposable
{
    public OnnxBuffer Sample { get; } = sample;

    public OnnxBuffer Timestep { get; } = timestep;

    /// <summary>What ControlNets add to the U-Net's own values; none for a U-Net that takes nothing of the kind.</summary>
    public IReadOnlyList<OnnxBuffer> Residuals { get; } = residuals;

    public int Height => (int)Sample.Value.GetTensorTypeAndShape().Shape[2];

    public int Width => (int)Sample.Value.GetTensorTypeAndShape().Shape[3];

    /// <summary>Sets the timestep and carries the sample, written before, over to the graph's own type.</summary>
    public void Upload(float timestep)
    {
        Timestep.Values[0] = timestep;
        Timestep.Upload();
        Sample.Upload();
    }

    public void Dispose()
    {
        Sample.Dispose();
        Timestep.Dispose();
        foreach (OnnxBuffer residual in Residuals)
            residual.Dispose();
    }
}
