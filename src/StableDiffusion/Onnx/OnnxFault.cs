using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>
/// Why ONNX Runtime failed, in a sentence for the user, with what to do. Its own text names files of its source; it stays
/// with the exception.
/// </summary>
internal static partial class OnnxFault
{
    // ONNX Runtime refuses the tensors of some operators above a size of its own.
    private static readonly string[] s_memory = ["Available memory of", "Failed to allocate memory", "bad allocation", "bad_alloc", "out of memory", "OUT_OF_MEMORY", "Memory allocation failed", "failed to allocate output tensor", "exceeds the supported maximum of", "storage size overflow"];

    /// <summary>Why a graph could not be opened.</summary>
    /// <param name="error">The error.</param>
    /// <param name="device">The device.</param>
    public static string OfOpening(OnnxRuntimeException error, Device device) => Code(error) switch
    {
        _ when IsMemory(error) => Memory(device),
        "InvalidProtobuf" => "it is damaged, or not a graph. Get the model again.",
        "NoSuchFile" or "NoModel" => "a file of it is missing. Get the model again.",
        "NotImplemented" => "this version of ONNX Runtime does not support one of its operators. Export the model for an older set of operators.",
        _ when error.Message.Contains("IR version", StringComparison.Ordinal) || error.Message.Contains("opset", StringComparison.Ordinal) =>
            "it was made for another version of ONNX Runtime. Export the model for an older set of operators.",
        _ when device.Kind != DeviceKind.Cpu => Text(error),
        _ => "its operators or weights do not fit together. Get the model again, or another one.",
    };

    /// <summary>Why a run of a graph failed.</summary>
    /// <inheritdoc cref="OfOpening"/>
    public static string OfRunning(OnnxRuntimeException error, Device device) => Code(error) switch
    {
        _ when IsMemory(error) => Memory(device),
        _ when device.Kind != DeviceKind.Cpu => Text(error),
        "InvalidArgument" => "its inputs or outputs have other shapes or types than those of this part of Stable Diffusion. Get another model.",
        _ => "its operators do not fit together, or not these sizes. Try another size, or get another model.",
    };

    /// <summary>ONNX Runtime's own text in a line, without its codes and source files. Of a card, nothing else says what is wrong.</summary>
    /// <param name="error">The error.</param>
    public static string Text(OnnxRuntimeException error) => Text(error.Message);

    /// <inheritdoc cref="Text(OnnxRuntimeException)"/>
    /// <param name="message">The message of an error, or of the log.</param>
    public static string Text(string message) => Libraries().Replace(CodePrefix().Replace(message, string.Empty), string.Empty).ReplaceLineEndings(" ").Trim().TrimEnd('.') + ".";

    private static string Memory(Device device) => $"there is not enough memory{(device.Kind == DeviceKind.Cpu ? string.Empty : $" on {device}")}. Choose a smaller size or a smaller model, or close other programs.";

    /// <summary>Whether an error means that there is not enough memory, so that the graph itself may be good.</summary>
    /// <param name="error">The error of ONNX Runtime, or another one.</param>
    public static bool IsMemory(Exception? error) => error is InsufficientMemoryException || (error is OnnxRuntimeException && Array.Exists(s_memory, text => error.Message.Contains(text, StringComparison.OrdinalIgnoreCase)));

    // The code is not public, but each message begins with it.
    private static string Code(OnnxRuntimeException error) => CodeName().Match(error.Message).Groups[1].Value;

    [GeneratedRegex(@"^\[ErrorCode:(\w+)\]")]
    private static partial Regex CodeName();

    /// <summary>The prefix of ONNX Runtime's messages: its source files, and the names of its errors.</summary>
    [GeneratedRegex(@"^(.*\[ONNXRuntimeError\] : \d+ : \w+ : |\[ErrorCode:\w+\] )", RegexOptions.Singleline)]
    private static partial Regex CodePrefix();

    /// <summary>What surrounds an error of NVIDIA's libraries: the place in ONNX Runtime, and the name of the computer.</summary>
    [GeneratedRegex(@"^.*?(?=\b(CUDA|CUDNN|CUBLAS|CURAND) failure )|\s*;\s*GPU=.*$", RegexOptions.Singleline)]
    private static partial Regex Libraries();
}
