namespace StableDiffusion.Noise;

/// <summary>The random number generator that a seed is used with.</summary>
public enum RandomSource
{
    /// <summary>torch's generator on the CPU, as in ComfyUI, diffusers and A1111's "CPU".</summary>
    TorchCpu,

    /// <summary>torch's generator on a CUDA device, A1111's default (its "GPU" and "NV").</summary>
    Cuda,
}
