using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The inputs of the U-Net that change with each step: the sample and the timestep.</summary>
internal sealed class UNetInput(OnnxBuffer sample, OnnxBuffer timestep, OnnxBuffer? guidance, IReadOnlyList<OnnxBuffer> residuals) : IDisposable
{
    public OnnxBuffer Sample { get; } = sample;

    public OnnxBuffer Timestep { get; } = timestep;

    /// <summary>The embedding of the guidance scale; null for a U-Net that does not take it.</summary>
    public OnnxBuffer? Guidance { get; } = guidance;

    /// <summary>The residuals of ControlNets; empty for a U-Net without inputs for them.</summary>
    public IReadOnlyList<OnnxBuffer> Residuals { get; } = residuals;

    public int Height => (int)Sample.Value.GetTensorTypeAndShape().Shape[2];

    public int Width => (int)Sample.Value.GetTensorTypeAndShape().Shape[3];

    /// <summary>Sets the timestep, and converts the sample, which was written before, to the graph's type.</summary>
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
        Guidance?.Dispose();
        foreach (OnnxBuffer residual in Residuals)
            residual.Dispose();
    }
}
