using System.Globalization;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Onnx;

/// <summary>What an NVIDIA card is used with by ONNX Runtime's CUDA and TensorRT providers, besides their defaults.</summary>
/// <param name="PutsChannelsLast">Whether convolutions take channels as the last axis, as <see cref="ChannelsLast"/> writes graphs. CUDA's alone.</param>
/// <param name="RecordsRuns">Whether runs can be recorded, as <see cref="RunRecorder"/> does. CUDA's alone.</param>
/// <param name="ComputesHalf">Whether engines may compute in 16 bits. TensorRT's alone; CUDA computes in the types of the graph.</param>
/// <param name="EngineFolder">The full path of the folder where engines are kept; null to keep none. TensorRT's alone.</param>
internal readonly record struct CardFeatures(bool PutsChannelsLast, bool RecordsRuns, bool ComputesHalf = false, string? EngineFolder = null)
{
    private const string Yes = "1";
    private const string No = "0";

    /// <summary>The options of ONNX Runtime's CUDA provider.</summary>
    /// <param name="index">The index of the card.</param>
    public IReadOnlyDictionary<string, string> OfCuda(int index) => new Dictionary<string, string>
    {
        ["device_id"] = Number(index),
        ["prefer_nhwc"] = PutsChannelsLast ? Yes : No,
        ["enable_cuda_graph"] = RecordsRuns ? Yes : No,
    };

    /// <summary>The options of ONNX Runtime's TensorRT provider.</summary>
    /// <param name="index">The index of the card.</param>
    /// <remarks>
    /// An engine is good for the sizes that the graph ran with; for others, another one is built in its place, and the timing cache
    /// then saves most of the measuring. The names of engines stand for the operators, the versions of TensorRT and CUDA and the
    /// kind of the card, but not for the weights.
    /// </remarks>
    public IReadOnlyDictionary<string, string> OfTensorRt(int index)
    {
        Dictionary<string, string> options = new()
        {
            ["device_id"] = Number(index),
            ["trt_fp16_enable"] = ComputesHalf ? Yes : No,
        };
        if (EngineFolder is not null)
        {
            options["trt_engine_cache_enable"] = options["trt_timing_cache_enable"] = Yes;
            options["trt_engine_cache_path"] = options["trt_timing_cache_path"] = EngineFolder;
        }

        return options;
    }

    private static string Number(int index) => index.ToString(CultureInfo.InvariantCulture);
}
