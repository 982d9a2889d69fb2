namespace StableDiffusion.Onnx;

/// <summary>The kinds of hardware and ONNX Runtime execution provider that a graph can run on.</summary>
public enum DeviceKind
{
    /// <summary>The CPU; always available.</summary>
    Cpu,

    /// <summary>An NVIDIA card, by CUDA.</summary>
    Cuda,

    /// <summary>An NVIDIA card, by TensorRT, which builds an engine on the first run.</summary>
    TensorRt,

    /// <summary>Any DirectX 12 card on Windows.</summary>
    DirectML,

    /// <summary>Apple's Core ML.</summary>
    CoreML,

    /// <summary>Intel's OpenVINO.</summary>
    OpenVino,
}
