using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>Which devices the ONNX Runtime in use offers, and which one is best.</summary>
public static class Devices
{
    private const string CudaNote = "An NVIDIA card, CUDA 13 and cuDNN 9; build the module with -p:OnnxRuntime=Gpu.";

    /// <summary>
    /// Whether 8-bit products of unsigned and signed integers are added in pairs to 16 bits, and cut off there: on
    /// x64 without VNNI. ONNX Runtime can then take both unsigned, which is exact and slower, and would do so with VNNI too.
    /// </summary>
    private static readonly bool s_saturates = X86Base.IsSupported && !HasVnni();

    /// <summary>
    /// What <c>Auto</c> tries, best first. TensorRT and OpenVINO compile for minutes on their first run and Core ML falls
    /// back to the processor for graphs with open sizes, so those three are taken only where they are asked for.
    /// </summary>
    private static readonly DeviceKind[] s_automatic = [DeviceKind.Cuda, DeviceKind.DirectML, DeviceKind.Cpu];

    private static readonly Lazy<(Device Device, string Reason)> s_best = new(FindBest);

    /// <summary>Lists every kind of device, those that are offered here first.</summary>
    /// <returns>A row a kind.</returns>
    public static IReadOnlyList<DeviceInfo> List()
    {
        HashSet<string> providers = new(OrtEnv.Instance().GetAvailableProviders(), StringComparer.Ordinal);
        return
        [
            .. Enum.GetValues<DeviceKind>()
                .Select(kind => new DeviceInfo(
                    kind.ToString(),
                    kind,
                    Provider(kind),
                    providers.Contains(Provider(kind)),
                    s_best.Value.Device.Kind == kind,
                    Note(kind)))
                .OrderByDescending(device => device.IsAvailable),
        ];
    }

    /// <summary>Turns what a caller asked for into a device that can be used.</summary>
    /// <param name="name">A device's text form, or <see cref="Device.Auto"/>.</param>
    /// <param name="reason">Why this device was taken, in words for a verbose message.</param>
    /// <returns>The device.</returns>
    /// <exception cref="InvalidSettingException">The name is no device's.</exception>
    /// <exception cref="DeviceUnavailableException">The device is not offered by this ONNX Runtime; the message says what to install.</exception>
    public static Device Resolve(string name, out string reason)
    {
        if (string.Equals(name, Device.Auto, StringComparison.OrdinalIgnoreCase))
        {
            (Device best, reason) = s_best.Value;
            return best;
        }

        Device device = Device.Parse(name);
        reason = "asked for by name";
        CreateOptions(device).Dispose();
        return device;
    }

    /// <summary>Session options for a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="reordersLayout">Whether weights are laid out anew for the processor's convolutions, which takes a while at opening.</param>
    internal static SessionOptions CreateOptions(Device device, bool reordersLayout = true)
    {
        string provider = Provider(device.Kind);
        if (device.Kind != DeviceKind.Cpu && !OrtEnv.Instance().GetAvailableProviders().Contains(provider))
        {
            throw new DeviceUnavailableException(
                $"The device {device} cannot be used: this ONNX Runtime has no {provider}. What it needs: {Note(device.Kind)} Or use -Device Auto, which takes the best device there is.");
        }

        SessionOptions options = new()
        {
            GraphOptimizationLevel = reordersLayout ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        try
        {
            Append(options, device);
            return options;
        }
        catch (Exception error) when (error is OnnxRuntimeException or DllNotFoundException or EntryPointNotFoundException)
        {
            options.Dispose();
            throw new DeviceUnavailableException(
                $"The device {device} cannot be used: {error.Message} What it needs: {Note(device.Kind)} Or use -Device Auto, which takes the best device there is.", error);
        }
    }

    private static void Append(SessionOptions options, Device device)
    {
        switch (device.Kind)
        {
            case DeviceKind.Cpu:
                // A waiting worker that spins takes the core that another process needs; a step is too long to gain from it.
                options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
                if (s_saturates)
                    options.AddSessionConfigEntry("session.x64quantprecision", "1");
                break;
            case DeviceKind.Cuda:
                options.AppendExecutionProvider_CUDA(device.Index);
                break;
            case DeviceKind.TensorRt:
                options.AppendExecutionProvider_Tensorrt(device.Index);
                options.AppendExecutionProvider_CUDA(device.Index);
                break;
            case DeviceKind.DirectML:
                // DirectML takes neither memory patterns nor parallel execution.
                options.EnableMemoryPattern = false;
                options.AppendExecutionProvider_DML(device.Index);
                break;
            case DeviceKind.CoreML:
                options.AppendExecutionProvider("CoreML");
                break;
            case DeviceKind.OpenVino:
                options.AppendExecutionProvider("OpenVINO", new Dictionary<string, string> { ["device_type"] = "AUTO" });
                break;
        }
    }

    private static (Device Device, string Reason) FindBest()
    {
        string reason = "the only one that this ONNX Runtime offers";
        HashSet<string> providers = new(OrtEnv.Instance().GetAvailableProviders(), StringComparer.Ordinal);
        foreach (DeviceKind kind in s_automatic)
        {
            if (!providers.Contains(Provider(kind)))
                continue;

            try
            {
                Device device = new(kind);
                CreateOptions(device).Dispose();
                return (device, kind == DeviceKind.Cpu ? reason : "the fastest one that this ONNX Runtime offers");
            }
            catch (DeviceUnavailableException error)
            {
                reason = error.Message;
            }
        }

        return (Device.Cpu, reason);
    }

    private static bool HasVnni()
    {
        const int Features = 7;
        const int Avx512VnniInEcx = 1 << 11;
        return AvxVnni.IsSupported
            || (X86Base.CpuId(0, 0).Eax >= Features && (X86Base.CpuId(Features, 0).Ecx & Avx512VnniInEcx) != 0);
    }

    private static string Provider(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "CPUExecutionProvider",
        DeviceKind.Cuda => "CUDAExecutionProvider",
        DeviceKind.TensorRt => "TensorrtExecutionProvider",
        DeviceKind.DirectML => "DmlExecutionProvider",
        DeviceKind.CoreML => "CoreMLExecutionProvider",
        DeviceKind.OpenVino => "OpenVINOExecutionProvider",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string Note(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "Nothing more; always there.",
        DeviceKind.Cuda => CudaNote,
        DeviceKind.TensorRt => CudaNote + " TensorRT 10 besides.",
        DeviceKind.DirectML => "Windows, a DirectX 12 card and an ONNX Runtime built with DirectML.",
        DeviceKind.CoreML => "macOS on Apple silicon.",
        DeviceKind.OpenVino => "An ONNX Runtime built with OpenVINO.",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
