namespace StableDiffusion.Noise;

/// <summary>Whose random numbers a seed stands for.</summary>
public enum RandomSource
{
    /// <summary>Those of torch's generator on the CPU, as ComfyUI, diffusers and A1111's "CPU" take them.</summary>
    TorchCpu,

    /// <summary>Those of torch's generator on a CUDA device, as A1111 takes them unless told (its "GPU" and "NV").</summary>
    Cuda,
}
